/// The requests of one connection that are not answered yet, oldest first.
struct PendingRequests {
    private struct Entry {
        var terms: RequestTerms
        var hasBodyBegun = false
        var isRead = false
        var isAnswered = false
    }

    private var entries: [Entry] = []

    /// Whose answer is the next, or is being sent; nil when there is none.
    var next: RequestTerms? { entries.first?.terms }

    /// Whether the server has the next move: a request is whole, and its answer has not begun.
    var isServersTurn: Bool { entries.first.map { $0.isRead && !$0.isAnswered } ?? false }

    mutating func headRead(_ terms: RequestTerms) { entries.append(Entry(terms: terms)) }

    mutating func bodyRead() { changeLast { $0.hasBodyBegun = true } }

    /// - Returns: whether nothing may follow this request on its connection.
    mutating func endRead() -> Bool {
        changeLast { $0.isRead = true }
        return entries.last.map { !$0.terms.isPersistent } ?? false
    }

    mutating func answerBegan() {
        if !entries.isEmpty { entries[0].isAnswered = true }
    }

    mutating func answerEnded() {
        if !entries.isEmpty { entries.removeFirst() }
    }

    /// Whether `100 Continue` must be sent now: the client waits for it, and every answer before it is sent. True once.
    mutating func takesContinue() -> Bool {
        guard let first = entries.first, first.terms.awaitsContinue, !first.isAnswered else { return false }
        entries[0].terms.awaitsContinue = false
        return !first.hasBodyBegun && !first.isRead
    }

    private mutating func changeLast(_ change: (inout Entry) -> Void) {
        if !entries.isEmpty { change(&entries[entries.count - 1]) }
    }
}
