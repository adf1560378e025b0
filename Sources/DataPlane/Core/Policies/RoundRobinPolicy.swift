/// One worker after the other in the order of insertion, beginning with the first (specification section 3.1).
enum RoundRobinPolicy {
    static func pick(count: Int, cursor: PolicyCursor) -> Int {
        Int(cursor.advance() % UInt64(count))
    }
}
