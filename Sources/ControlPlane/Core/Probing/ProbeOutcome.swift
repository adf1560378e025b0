/// How one probe of a worker ended.
public enum ProbeOutcome: Hashable, Sendable {
    case success
    /// The worker was heard, or refused to be. With one sentence for a person.
    case failure(reason: String)
    /// Nothing was heard in time. With one sentence for a person.
    case silence(reason: String)
}
