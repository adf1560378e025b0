internal import CLinux
public import ControlPlaneCore
internal import Glibc
internal import SignalboxProtocol
internal import Synchronization

extension DataPlanesPublisher {
    /// What every data plane that may have requests at workers last said of them.
    public func traffic() -> [DataPlaneTraffic] {
        state.withLock { state in
            state.registry.traffic { pid in
                // Signal 0 only asks whether the process exists.
                pid > 0 && (kill(pid_t(truncatingIfNeeded: pid), 0) == 0 || errno == EPERM)
            }
        }
    }
}
