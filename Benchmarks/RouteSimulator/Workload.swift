import DataPlaneCore
import Foundation

/// One request as a trace has it.
struct TraceRequest {
    /// Seconds since the first one.
    var arrival: Double
    var inputTokens: Int
    var outputTokens: Int
    /// One number for each block of 512 tokens; equal beginnings are equal prefixes.
    var blocks: [Int]
}

/// Why a trace cannot be used, as a sentence.
struct TraceFault: Error, CustomStringConvertible {
    let description: String
}

/// Requests in the order of arrival.
struct Workload {
    static let blockTokens = 512

    var name: String
    var requests: [TraceRequest]
    var engine: EngineParameters

    /// Reads a trace in the format of Mooncake: one JSON object a line; throws a ``TraceFault`` for anything else.
    init(trace path: String) throws {
        struct Line: Decodable {
            var timestamp: Double
            var input_length: Int
            var output_length: Int
            var hash_ids: [Int]
        }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw TraceFault(description: "The trace \(path) cannot be read.")
        }
        let decoder = JSONDecoder()
        name = "trace"
        engine = .large
        requests = try data.split(separator: 0x0A).enumerated().map { number, line in
            guard let line = try? decoder.decode(Line.self, from: Data(line)) else {
                throw TraceFault(
                    description: "Line \(number + 1) of \(path) is no JSON object with timestamp, input_length, "
                        + "output_length and hash_ids."
                )
            }
            return TraceRequest(
                arrival: line.timestamp / 1000,
                inputTokens: max(1, line.input_length),
                outputTokens: max(1, line.output_length),
                blocks: line.hash_ids
            )
        }
        requests.sort { $0.arrival < $1.arrival }
        guard let first = requests.first?.arrival else { throw TraceFault(description: "The trace \(path) is empty.") }
        for index in requests.indices { requests[index].arrival -= first }
        spreadEqualStamps()
    }

    /// Requests whose stamps are equal because the trace has coarse ones are spread until the next stamp.
    private mutating func spreadEqualStamps() {
        var first = 0
        while first < requests.count {
            let stamp = requests[first].arrival
            let end = requests[first...].firstIndex { $0.arrival != stamp } ?? requests.count
            if end < requests.count {
                let pause = (requests[end].arrival - stamp) / Double(end - first)
                for index in first..<end { requests[index].arrival += Double(index - first) * pause }
            }
            first = end
        }
    }

    /// Made-up conversations, offered as `load` of what so many workers can do.
    init(_ kind: String, _ conversations: Conversations, load: Double, workers: Double, seed: UInt64) {
        name = kind
        engine = conversations.engine
        requests = conversations.requests(load: load, workers: workers, seed: seed)
    }

    /// Groups with a long shared prefix each and a suffix of their own: 8,000 requests, Poisson arrivals of mean rate 1.
    init(groups: Int, seed: UInt64) {
        name = "gsp"
        engine = .small
        var dice = Dice(seed: seed)
        var time = 0.0
        var nextBlock = groups * 1_000
        requests = []
        for _ in 0..<8_000 {
            time += dice.exponential(1)
            let group = dice.below(groups)
            let suffix = max(64, Int(dice.exponential(4_096)))
            let prefix = (0..<(16_384 / Workload.blockTokens)).map { group * 1_000 + $0 }
            let own = (0..<((suffix + 511) / 512)).map { _ in
                nextBlock += 1
                return nextBlock
            }
            requests.append(
                TraceRequest(
                    arrival: time,
                    inputTokens: 16_384 + suffix,
                    outputTokens: max(1, Int(dice.exponential(256))),
                    blocks: prefix + own
                )
            )
        }
    }

    /// Arrivals closer or further apart, so that the prefill work without any cache hit is `load` times what so many workers can do.
    func scaled(toLoad load: Double, workers: Double) -> Workload {
        let work = requests.reduce(0) { $0 + engine.work(uncached: Double($1.inputTokens), context: 0) }
        let span = (requests.last?.arrival ?? 0) - (requests.first?.arrival ?? 0)
        let offered = work / max(span, 0.001) / (engine.prefillRate * workers)
        var scaled = self
        for index in scaled.requests.indices { scaled.requests[index].arrival *= offered / load }
        return scaled
    }
}

/// Chance from a seed.
struct Dice {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }
    mutating func below(_ count: Int) -> Int { Int(generator.next() % UInt64(max(1, count))) }
    mutating func unit() -> Double { Double(generator.next() >> 11) / 9_007_199_254_740_992 }
    mutating func exponential(_ mean: Double) -> Double { -mean * log(1 - unit()) }
}
