/// Any worker, all equally likely.
enum RandomPolicy {
    static func pick(count: Int, using generator: inout some RandomNumberGenerator) -> Int {
        Int.random(in: 0..<count, using: &generator)
    }
}
