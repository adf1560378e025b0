import ArgumentParser
import SimulatedWorker

/// The flags about the engine's speed and size.
struct EngineOptions: ParsableArguments {
    @Option(help: "Divides all times of the engine; 0 answers at once.")
    var speedup = 1.0

    @Option(help: "Prompt tokens computed per second, without those found in the cache.")
    var prefillTokensPerSecond = 8000.0

    @Option(help: "Milliseconds of one decode step.")
    var decodeBaseMs = 20.0

    @Option(help: "Microseconds that each running request adds to a decode step.")
    var decodePerRequestUs = 200.0

    @Option(help: "Capacity of the prefix cache in tokens (a token is 4 bytes of text).")
    var cacheTokens = 262_144

    @Option(help: "Requests decoded at the same time; more wait in their order.")
    var maxRunningRequests = 256

    @Option(help: "Tokens in one block of the prefix cache.")
    var blockTokens = 16

    /// The flags as a configuration.
    var configuration: EngineConfiguration {
        EngineConfiguration(
            prefillTokensPerSecond: prefillTokensPerSecond,
            decodeBase: .nanoseconds(Int64(decodeBaseMs * 1_000_000)),
            decodePerRequest: .nanoseconds(Int64(decodePerRequestUs * 1000)),
            cacheTokens: cacheTokens,
            runningRequestsMax: maxRunningRequests,
            blockTokens: blockTokens,
            speedup: speedup
        )
    }

    func validate() throws {
        let isSpeed = speedup == 0 || (0.001...1_000_000).contains(speedup)
        try require(isSpeed, "--speedup must be 0 or from 0.001 to 1000000, not \(speedup).")
        let isRate = (0.1...1_000_000_000).contains(prefillTokensPerSecond)
        try require(
            isRate,
            "--prefill-tokens-per-second must be from 0.1 to 1000000000, not \(prefillTokensPerSecond)."
        )
        try require((0...3_600_000).contains(decodeBaseMs), "--decode-base-ms must be from 0 to 3600000.")
        try require((0...3_600_000_000).contains(decodePerRequestUs), "--decode-per-request-us must not be negative.")
        try require((0...1_000_000_000).contains(cacheTokens), "--cache-tokens must be from 0 to 1000000000.")
        try require((1...1_000_000).contains(maxRunningRequests), "--max-running-requests must be from 1 to 1000000.")
        try require((1...65_536).contains(blockTokens), "--block-tokens must be from 1 to 65536.")
    }
}
