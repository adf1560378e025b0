/// How one probe of a worker ended.
public enum ProbeOutcome: Hashable, Sendable {
    case success
    /// With one sentence for a person.
    case failure(reason: String)
}
