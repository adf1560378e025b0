/// What came of asking a worker for its load.
public enum LoadReply: Hashable, Sendable {
    case tokens(Int)
    /// It will hardly answer better soon: it has no such path, or another form of it.
    case unsupported(reason: String)
    case failed(reason: String)
}
