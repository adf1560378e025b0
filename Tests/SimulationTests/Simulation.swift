import ArgumentParser
import Foundation
import Synchronization

/// Runs both planes' real cores in simulated worlds, one for each seed.
@main
struct Simulation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulation",
        abstract:
            "Deterministic simulation: both planes with a fake network and a fake clock, invariants after every step.",
        discussion: """
            A finding ends with status 1 and the command that replays it: the same seed gives the same run. \
            --plant NAME puts a bug into the surroundings of the code; it must be found.
            """
    )

    @Option(help: "How many seeds to run.")
    var seeds = 10_000

    @Option(help: "The first seed.")
    var firstSeed: UInt64 = 1

    @Option(help: "Run this seed alone.")
    var seed: UInt64?

    @Flag(help: "Print every step (with --seed).")
    var trace = false

    @Option(
        help:
            "Plant a bug; the exit status is 0 when it is found: \(Plant.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var plant: String?

    func validate() throws {
        guard (1...100_000_000).contains(seeds) else { throw ValidationError("--seeds must be from 1 to 100000000.") }
        if let plant, Plant(rawValue: plant) == nil {
            let names = Plant.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--plant must be one of \(names), not '\(plant)'.")
        }
        if trace && seed == nil { throw ValidationError("--trace needs --seed.") }
    }

    func run() throws {
        let planted = plant.flatMap(Plant.init)
        if let seed { throw ExitCode(try replay(seed, planted)) }
        let started = ContinuousClock.now
        let found = Mutex<(seed: UInt64, message: String)?>(nil)
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: ProcessInfo.processInfo.activeProcessorCount) { _ in
            while found.withLock({ $0 == nil }) {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < seeds else { return }
                let seed = firstSeed &+ UInt64(index)
                guard let message = Simulation.finding(seed, planted) else { continue }
                found.withLock { if $0 == nil { $0 = (seed, message) } }
            }
        }
        let seconds = (ContinuousClock.now - started) / .seconds(1)
        if let (seed, message) = found.withLock({ $0 }) {
            print("seed \(seed): \(message)")
            print("replay: simulation --seed \(seed) --trace\(plant.map { " --plant \($0)" } ?? "")")
            throw ExitCode(isExpected(message, planted) ? 0 : 1)
        }
        print("\(seeds) seeds without a finding in \(Int(seconds.rounded())) s")
        if let plant {
            print("the planted bug \(plant) was not found")
            throw ExitCode(1)
        }
    }

    /// Runs one seed twice: a run that differs from the first is a finding of its own.
    private func replay(_ seed: UInt64, _ planted: Plant?) throws -> Int32 {
        var digests: [UInt64] = []
        var message: String?
        for round in 0..<2 {
            let world = try World(seed: seed, plant: planted)
            if trace && round == 0 { world.trace = { print($0) } }
            do { try world.run() } catch { message = "\(error)" }
            digests.append(world.digest)
        }
        guard digests[0] == digests[1] else {
            print("seed \(seed) gives another run each time")
            return 1
        }
        print("seed \(seed): \(message ?? "no finding") (run \(String(digests[0], radix: 16)))")
        return planted == nil && message == nil || message.map { isExpected($0, planted) } == true ? 0 : 1
    }

    /// Whether a planted bug shows as what it breaks.
    private func isExpected(_ message: String, _ planted: Plant?) -> Bool {
        planted.map { message.hasPrefix("invariant \($0.invariant):") } ?? false
    }

    private static func finding(_ seed: UInt64, _ planted: Plant?) -> String? {
        do {
            try World(seed: seed, plant: planted).run()
            return nil
        } catch let finding as Finding {
            return finding.description
        } catch {
            return "\(error)"
        }
    }
}
