/// What a supervisor tells the person who started it.
public enum SupervisorNotice: Hashable, Sendable {
    /// All children are started; `line` is what the control plane said of itself.
    case ready(String)
    /// A child died by itself and will be started again.
    case restarting(ChildName, ChildExit, after: Duration)
    /// The control plane was not ready in time; everything is stopped.
    case notReady(within: Duration)
    case stopping(signal: Int32)
    /// These children did not stop in time and are killed.
    case graceOver([ChildName])
    /// The data planes are being replaced, one after the other.
    case replacing([ChildName])
    case replaced(ChildName, by: ChildName)
    /// All data planes were replaced.
    case replacementDone
    /// The replacement ended early: this successor did not become ready; what was not replaced goes on.
    case replacementFailed(ChildName)
    /// A child could not be started.
    case cannotStart(ChildName, reason: String)
}
