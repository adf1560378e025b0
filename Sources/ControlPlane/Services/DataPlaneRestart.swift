import Glibc

/// Asks the supervisor to replace its data planes, one after the other.
struct DataPlaneRestart: Sendable {
    /// Write end of the supervisor's pipe; nil without a supervisor.
    let descriptor: Int32?

    enum Failure: Error, Hashable, Sendable {
        /// Nobody started the data planes who could replace them.
        case noSupervisor
        case supervisorGone
    }

    /// Returns at once; the replacement itself takes as long as the data planes need.
    func request() throws(Failure) {
        guard let descriptor else { throw .noSupervisor }
        var byte: UInt8 = 1
        guard write(descriptor, &byte, 1) == 1 || errno == EAGAIN else { throw .supervisorGone }
    }
}
