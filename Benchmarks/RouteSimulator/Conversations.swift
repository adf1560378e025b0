import Foundation

/// Conversations that are made up: each begins with one of some shared texts, and every turn asks with all that was said before.
struct Conversations {
    var engine: EngineParameters
    /// Texts that conversations share as their beginning.
    var sharedCount: Int
    /// Their lengths in tokens, spread evenly over orders of magnitude.
    var sharedTokens: ClosedRange<Double>
    /// The n-th of them is used n to the power of so many times less than the first.
    var popularityFall: Double
    /// Mean number of turns (geometric).
    var turns: Double
    /// Mean tokens of what each turn adds, and of each answer (exponential).
    var inputTokens: Double
    var outputTokens: Double
    /// Mean seconds between two turns (exponential).
    var pause: Double

    /// People who chat below one of some system prompts.
    static let chat = Conversations(
        engine: .large,
        sharedCount: 64,
        sharedTokens: 512...4_096,
        popularityFall: 1,
        turns: 5,
        inputTokens: 400,
        outputTokens: 350,
        pause: 60
    )
    /// Programs that call tools, with long descriptions of these, in quick succession.
    static let agents = Conversations(
        engine: .large,
        sharedCount: 12,
        sharedTokens: 6_144...16_384,
        popularityFall: 0.5,
        turns: 20,
        inputTokens: 1_500,
        outputTokens: 150,
        pause: 4
    )
    /// One question each to documents of very different length and popularity.
    static let documents = Conversations(
        engine: .small,
        sharedCount: 1_500,
        sharedTokens: 2_048...40_960,
        popularityFall: 0.9,
        turns: 1,
        inputTokens: 200,
        outputTokens: 200,
        pause: 0
    )
    /// Prompts that share nothing.
    static let unshared = Conversations(
        engine: .small,
        sharedCount: 0,
        sharedTokens: 1...1,
        popularityFall: 0,
        turns: 1,
        inputTokens: 4_096,
        outputTokens: 256,
        pause: 0
    )

    static let kinds: [String: Conversations] = [
        "chat": chat, "agents": agents, "documents": documents, "unshared": unshared,
    ]

    private static let requestsCount = 8_000.0
    private static let sampledCount = 4_000
    /// A conversation that has grown over 128 Ki tokens ends.
    private static let blocksMax = 131_072 / Workload.blockTokens

    /// Some 8,000 requests out of the middle of an endless stream, whose prefill work without any cache hit is about `load` times
    /// what so many workers can do.
    func requests(load: Double, workers: Double, seed: UInt64) -> [TraceRequest] {
        var dice = Dice(seed: seed)
        var drawing = Drawing(self, &dice)
        // How much work and how many requests a conversation has, and how long it lasts, is drawn rather than derived.
        let samples = (0..<Conversations.sampledCount).map { _ in drawing.conversation(at: 0, &dice) }
        let requests = samples.joined()
        let work = requests.reduce(0) { $0 + engine.work(uncached: Double($1.inputTokens), context: 0) }
        let starts = load * workers * engine.prefillRate * Double(samples.count) / work
        let span = Conversations.requestsCount / (starts * Double(requests.count) / Double(samples.count))
        let longest = requests.reduce(0) { max($0, $1.arrival) }
        var (drawn, start): ([TraceRequest], Double) = ([], -longest)
        while true {
            start += dice.exponential(1 / starts)
            guard start < span else { break }
            drawn += drawing.conversation(at: start, &dice).filter { (0..<span).contains($0.arrival) }
        }
        return drawn.sorted { $0.arrival < $1.arrival }
    }

    /// What is drawn once for a workload, and which blocks were given out.
    private struct Drawing {
        let kind: Conversations
        /// Blocks of each shared text.
        private var shared: [Range<Int>] = []
        /// Chance of a shared text or one before it.
        private var chances: [Double] = []
        private var nextBlock = 0

        init(_ kind: Conversations, _ dice: inout Dice) {
            self.kind = kind
            let (low, high) = (log(kind.sharedTokens.lowerBound), log(kind.sharedTokens.upperBound))
            var sum = 0.0
            for number in 0..<kind.sharedCount {
                let count = Int(exp(low + (high - low) * dice.unit())) / Workload.blockTokens
                shared.append(blocks(max(1, count)))
                sum += pow(Double(number + 1), -kind.popularityFall)
                chances.append(sum)
            }
            for number in chances.indices { chances[number] /= sum }
        }

        private mutating func blocks(_ count: Int) -> Range<Int> {
            defer { nextBlock += count }
            return nextBlock..<(nextBlock + count)
        }

        mutating func conversation(at start: Double, _ dice: inout Dice) -> [TraceRequest] {
            let drawn = dice.unit()
            // Whole blocks of what was said so far, and tokens behind the last of them.
            var said = chances.firstIndex { drawn < $0 }.map { Array(shared[$0]) } ?? []
            var rest = 0
            func add(_ tokens: Int) {
                said += blocks((rest + tokens) / Workload.blockTokens)
                rest = (rest + tokens) % Workload.blockTokens
            }
            var requests: [TraceRequest] = []
            var time = start
            repeat {
                add(max(16, Int(dice.exponential(kind.inputTokens))))
                let output = max(1, Int(dice.exponential(kind.outputTokens)))
                requests.append(
                    TraceRequest(
                        arrival: time,
                        inputTokens: said.count * Workload.blockTokens + rest,
                        outputTokens: output,
                        // A block that is not full is nobody else's.
                        blocks: said + (rest > 0 ? Array(blocks(1)) : [])
                    )
                )
                add(output)
                time += dice.exponential(kind.pause)
            } while dice.unit() >= 1 / kind.turns && said.count < Conversations.blocksMax
            return requests
        }
    }
}
