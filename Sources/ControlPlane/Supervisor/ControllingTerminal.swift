internal import Glibc

/// The terminal from which a program was started, if there was one.
struct ControllingTerminal {
    private let wasThere = ControllingTerminal.isThere

    /// Whether the terminal has closed since: the kernel takes it away from all processes of the session then, and sends
    /// them SIGHUP.
    var hasClosed: Bool { wasThere && !ControllingTerminal.isThere }

    private static var isThere: Bool {
        let descriptor = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}
