import ArgumentParser
import Foundation
import SignalboxProtocol

/// Compares routing policies on a trace, with the data plane's own code and modelled engines.
@main
struct RouteSimulator: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route-simulator",
        abstract: "Routing policies on a trace: the data plane's own policies and prefix index over modelled engines.",
        discussion: """
            Without --trace requests are made up (--generate). A trace has the format of Mooncake: one JSON object a line with \
            timestamp, input_length, output_length and hash_ids. Examples:

            route-simulator --trace conversation_trace.jsonl --load 0.9 --data-planes 1 8
            route-simulator --generate agents --load 3 --seeds 1 2 3
            """
    )

    @Option(help: "A trace file.")
    var trace: String?

    @Option(help: "Without a trace, what is made up: gsp, chat, agents, documents or unshared.")
    var generate = "gsp"

    @Option(help: "Workers.")
    var workers = 8

    @Option(help: "How many of them are slower than the others.")
    var slowWorkers = 0

    @Option(help: "How fast these are, as a share of the others' speed; nobody tells the policies.")
    var slowFactor = 0.5

    @Option(parsing: .upToNextOption, help: "Numbers of data planes that clients pick at random.")
    var dataPlanes = [1]

    @Option(help: "Milliseconds between two datagrams of a data plane to the others; 0: they tell one another nothing.")
    var exchangeMilliseconds = 50

    @Option(help: "Offered prefill work without any cache hit, as a share of what the workers can do.")
    var load = 0.9

    @Option(parsing: .upToNextOption, help: "Policies (default: those that tell something).")
    var policies: [String] = ["round_robin", "least_load", "cache_aware", "prefix_hash", "kv_cost", "kv_cost_local", "kv_cost_lost"]

    @Option(parsing: .upToNextOption, help: "Seeds; figures are means over them.")
    var seeds: [UInt64] = [1]

    @Option(help: "Search the largest load with a p90 of the time to first token of at most so many seconds.")
    var saturation: Double?

    func validate() throws {
        guard (1...256).contains(workers) else { throw ValidationError("--workers must be from 1 to 256.") }
        guard (0...workers).contains(slowWorkers) else {
            throw ValidationError("--slow-workers must be from 0 to the number of --workers.")
        }
        guard (0.01...100).contains(slowFactor) else {
            throw ValidationError("--slow-factor must be from 0.01 to 100.")
        }
        guard !dataPlanes.isEmpty, dataPlanes.allSatisfy({ (1...64).contains($0) }) else {
            throw ValidationError("--data-planes must be from 1 to 64.")
        }
        guard (0...400).contains(exchangeMilliseconds) else {
            throw ValidationError("--exchange-milliseconds must be from 0 to 400.")
        }
        guard generate == "gsp" || Conversations.kinds[generate] != nil else {
            throw ValidationError("--generate must be gsp, \(Conversations.kinds.keys.sorted().joined(separator: ", ")).")
        }
        guard (0.01...100).contains(load) else { throw ValidationError("--load must be from 0.01 to 100.") }
        for name in policies { _ = try router(name) }
    }

    func run() throws {
        print("policy        planes   hit %  mean s   p50 s   p90 s   p99 s  backlog s")
        for planes in dataPlanes {
            for name in policies { try show(name, try router(name), planes) }
        }
        try show("oracle", .oracle, 1)
        try show("pooled", .pooled, 1)
    }

    /// `kv_cost` whose data planes hear nothing of one another: they do not know that there are others, or they do.
    private static let deaf = ["kv_cost_local": false, "kv_cost_lost": true]

    private func router(_ name: String) throws -> Router {
        if let knowing = RouteSimulator.deaf[name] { return .deaf(try configuration("kv_cost"), knowing: knowing) }
        return .policy(try configuration(name))
    }

    private func workload(_ seed: UInt64, load: Double, workers: Double) throws -> Workload {
        var workload = Workload(groups: 128, seed: seed)
        if let trace {
            workload = try Workload(trace: trace)
        } else if let conversations = Conversations.kinds[generate] {
            workload = Workload(generate, conversations, load: load, workers: workers, seed: seed)
        }
        return workload.scaled(toLoad: load, workers: workers)
    }

    /// A policy by its name, and `:parameter=number` for each parameter that is not the default.
    private func configuration(_ text: String) throws -> PolicyConfiguration {
        let parts = text.split(separator: ":")
        let policy = try PolicyName(named: String(parts.first ?? ""))
        // Eight bytes stand for a block of 512 tokens.
        var parameters = policy == .cacheAware ? ["max_tree_size": 65_536.0] : [:]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=")
            guard pair.count == 2, let number = Double(pair[1]) else {
                throw ValidationError("--policies: '\(part)' must be PARAMETER=NUMBER.")
            }
            parameters[String(pair[0])] = number
        }
        return PolicyConfiguration(name: policy, parameters: parameters)
    }

    private func show(_ name: String, _ router: Router, _ planes: Int) throws {
        if let limit = saturation {
            print(
                "\(padded(name, 14))\(padded("\(planes)", 6)) largest load \(text(try largestLoad(router, planes, limit)))"
            )
            return
        }
        let outcomes = try seeds.map { seed in
            let fleet = fleet(planes, seed)
            return try fleet.run(try workload(seed, load: load, workers: fleet.capacity), router)
        }
        func mean(_ figure: (Outcome) -> Double) -> String {
            padded(text(outcomes.map(figure).reduce(0, +) / Double(outcomes.count)), 8)
        }
        print(
            padded(name, 14) + padded("\(planes)", 6) + mean(\.hitPercent) + mean(\.mean) + mean { $0.percentile(0.5) }
                + mean { $0.percentile(0.9) } + mean { $0.percentile(0.99) } + mean(\.backlogMax)
        )
    }

    private func fleet(_ planes: Int, _ seed: UInt64) -> Fleet {
        Fleet(
            workers: workers,
            dataPlanes: planes,
            exchangeMilliseconds: exchangeMilliseconds > 0 ? exchangeMilliseconds : nil,
            seed: seed,
            slowWorkers: slowWorkers,
            slowFactor: slowFactor
        )
    }

    private func largestLoad(_ router: Router, _ planes: Int, _ limit: Double) throws -> Double {
        let fleet = fleet(planes, seeds[0])
        // Where most of every prompt is cached, workers do many times what they could without.
        var (low, high) = (0.05, trace == nil && generate != "gsp" ? 16.0 : 2.0)
        for _ in 0..<8 {
            let middle = (low + high) / 2
            let outcome = try fleet.run(workload(seeds[0], load: middle, workers: fleet.capacity), router)
            if outcome.percentile(0.9) <= limit { low = middle } else { high = middle }
        }
        return low
    }

    private func text(_ number: Double) -> String { String(format: "%.2f", number) }

    private func padded(_ text: String, _ width: Int) -> String {
        text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
    }
}
