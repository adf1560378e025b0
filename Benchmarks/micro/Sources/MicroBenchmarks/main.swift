@unsafe @preconcurrency import Glibc

let usage = """
    usage: micro-benchmarks --list
           micro-benchmarks NAME COUNT    runs a benchmark COUNT times, for a tool that counts instructions
           micro-benchmarks --time NAME   prints the nanoseconds that one operation takes, the best of 20 rounds

    """

/// Says what was wrong with the command line and ends with the status of a wrong use.
func exitWithUsage(_ problem: String) -> Never {
    unsafe fputs("micro-benchmarks: \(problem)\n\(usage)", stderr)
    exit(64)
}

func benchmark(named name: String) -> MicroBenchmark {
    guard let benchmark = MicroBenchmark.all.first(where: { $0.name == name }) else {
        exitWithUsage("there is no benchmark named '\(name)'; --list prints all")
    }
    return benchmark
}

/// Rounds of about 10 ms each; the best one has met the least disturbance.
func nanosecondsPerOperation(_ benchmark: MicroBenchmark) throws -> Double {
    let clock = ContinuousClock()
    var count = 1
    while try clock.measure({ _ = try benchmark.run(count) }) < .milliseconds(10) { count *= 2 }
    var best = Duration.seconds(3600)
    for _ in 0..<20 { best = min(best, try clock.measure { _ = try benchmark.run(count) }) }
    return best / .nanoseconds(1) / Double(count)
}

let arguments = CommandLine.arguments.dropFirst()
switch (arguments.count, arguments.first) {
case (1, "--list"):
    for benchmark in MicroBenchmark.all { print(benchmark.name, benchmark.bytes) }
case (2, "--time"):
    let nanoseconds = try nanosecondsPerOperation(benchmark(named: arguments[2]))
    print(Int((nanoseconds * 10).rounded()).description)
case (2, _):
    guard let count = Int(arguments[2]), count >= 0 else {
        exitWithUsage("COUNT must be a whole number of at least 0, not '\(arguments[2])'")
    }
    print(try benchmark(named: arguments[1]).run(count))
default:
    exitWithUsage("wrong arguments")
}
