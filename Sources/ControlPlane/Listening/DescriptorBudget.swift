import NIOCore
import Telemetry

/// How many connections each listener may hold, so that none of them takes the descriptors that the others, the database
/// and the probes need.
struct DescriptorBudget: Hashable {
    /// What the database, the log, the listeners, the control socket and its data planes need beside the event loops.
    static let reserve = 64
    /// Selector, wake-up and timer.
    static let perLoop = 3

    /// Connections to the admin API over TCP.
    var admin: Int
    /// Connections to the admin API over the Unix socket, where forwarded requests come from.
    var operators: Int
    var metrics: Int

    /// - Parameters:
    ///   - descriptors: what the process may open; half of them belong to outbound requests (``CurlClient``).
    ///   - loops: event loops of the servers.
    init(descriptors: Int, loops: Int) {
        let free = descriptors - descriptors / 2 - DescriptorBudget.reserve - loops * DescriptorBudget.perLoop
        admin = min(max(free / 2, 8), 1024)
        operators = min(max(free / 4, 8), 1024)
        metrics = min(max(free / 4, 4), 64)
    }

    static func current() -> DescriptorBudget {
        DescriptorBudget(descriptors: DescriptorLimit.allowed, loops: System.coreCount)
    }
}
