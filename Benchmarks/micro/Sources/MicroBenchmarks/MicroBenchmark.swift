/// One operation of the data plane's core that is measured by itself.
struct MicroBenchmark {
    /// What is chosen on the command line, for example `request-head/curl`.
    var name: String
    /// Bytes that one operation reads or writes, for the figure per byte.
    var bytes: Int
    /// Does the operation so many times and returns a sum that depends on every result, so that no work can be left out.
    private(set) var run: (_ count: Int) throws -> Int

    /// Every benchmark, in the order in which they are printed.
    static var all: [MicroBenchmark] { heads + bodies + scans + writes + prefixes }

    /// An operation that works on a state of its own, which is a local variable while it is measured: as in the data
    /// plane, access to it costs no run-time check for exclusivity.
    ///
    /// A fault ends the program: a benchmark that measures a refusal measures the wrong thing.
    init<State>(name: String, bytes: Int, on state: State, operation: @escaping (inout State) throws -> Int) {
        self.name = name
        self.bytes = bytes
        run = { count in
            var state = state
            var sum = 0
            for _ in 0..<count { sum &+= try operation(&state) }
            return sum
        }
    }

    /// An operation without a state that outlives it.
    init(name: String, bytes: Int, operation: @escaping () throws -> Int) {
        self.init(name: name, bytes: bytes, on: ()) { _ in try operation() }
    }
}
