internal import CLinux
internal import Glibc

/// The signals that a supervisor acts on, read from a descriptor instead of interrupting it.
struct SignalDescriptor: ~Copyable {
    private let descriptor: Descriptor

    var number: Int32 { descriptor.number }

    /// Blocks SIGCHLD, SIGTERM, SIGINT, SIGQUIT and, unless it was ignored as under nohup, SIGHUP; ignores SIGPIPE.
    init() throws(LaunchError) {
        signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGCHLD, SIGTERM, SIGINT, SIGQUIT] { sigaddset(&set, number) }
        if !SignalDescriptor.isIgnored(SIGHUP) { sigaddset(&set, SIGHUP) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        guard let descriptor = Descriptor(taking: signalbox_signal_descriptor(&set)) else {
            throw .system("Signals cannot be received: \(systemReason()).")
        }
        self.descriptor = descriptor
    }

    /// The next signal that came, nil when there is none.
    func next() -> Int32? {
        let signal = signalbox_next_signal(descriptor.number)
        return signal == 0 ? nil : signal
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
