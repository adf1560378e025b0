/// What a data plane counts, and where: the contract about its metrics file, which the control plane reads.
///
/// The file is mapped memory, so that what was counted outlives the process. A header of ``headerBytes``, then a block of
/// ``cellCount`` cells for each thread, then for each thread a block with the cells of ``workerRowsMax`` workers, then the
/// table that says which worker a row is. A cell is a 64-bit number in the machine's byte order that only its thread writes.
/// Times are in milliseconds.
public enum MetricsLayout {
    public static let magic: UInt64 = 0x3143_4952_5445_4D53
    public static let headerBytes = 256
    /// Offsets of the header's fields: magic, ``digest``, number of threads, process number; then the data plane's name.
    public static let digestOffset = 8
    public static let threadsOffset = 16
    public static let processOffset = 24
    public static let nameOffset = 64
    public static let nameBytesMax = 64

    /// What a request asks for; the label `route`.
    public enum RequestRoute: Int, CaseIterable, Sendable {
        case chat, completions, generate, embeddings, responses, messages, rerank, otherInference
        case models, metadata, health, admin, other

        public var label: String {
            switch self {
            case .chat: "/v1/chat/completions"
            case .completions: "/v1/completions"
            case .generate: "/generate"
            case .embeddings: "/v1/embeddings"
            case .responses: "/v1/responses"
            case .messages: "/v1/messages"
            case .rerank: "/v1/rerank"
            case .otherInference: "other_inference"
            case .models: "/v1/models"
            case .metadata: "metadata"
            case .health: "health"
            case .admin: "admin"
            case .other: "other"
            }
        }

        /// Whether a worker that a policy picks answers it.
        public var isInference: Bool { rawValue <= RequestRoute.otherInference.rawValue }
    }

    /// How a request ended; the label `outcome`.
    public enum RequestOutcome: Int, CaseIterable, Sendable {
        case success, redirection, clientError, serverError
        /// The client left before its answer was whole.
        case clientGone
        /// The answer broke off, and the client saw it.
        case cut

        public var label: String {
            switch self {
            case .success: "2xx"
            case .redirection: "3xx"
            case .clientError: "4xx"
            case .serverError: "5xx"
            case .clientGone: "client_gone"
            case .cut: "cut"
            }
        }
    }

    /// Where a request was when its client left; the label `phase`.
    public enum AbortPhase: Int, CaseIterable, Sendable {
        case upload, waiting, beforeFirstByte, streaming

        public var label: String {
            switch self {
            case .upload: "upload"
            case .waiting: "waiting"
            case .beforeFirstByte: "before_first_byte"
            case .streaming: "streaming"
            }
        }
    }

    /// What decided a pick; the label `reason`.
    public enum PickReason: Int, CaseIterable, Sendable {
        /// It was its turn.
        case order
        case chance
        case load
        /// It was thought to have the beginning of the prompt.
        case prefix
        /// No worker was thought to have enough of the prompt.
        case miss
        /// Loads were too far apart for what the policy looks at first.
        case balance
        /// The worker or the key that the request names.
        case key
        case length
        /// Of two workers that the text draws, alike on every data plane: most others are not heard.
        case rendezvous

        public var label: String { "\(self)" }
    }

    /// The reasons that picks of a policy can have.
    public static func pickReasons(_ policy: PolicyName) -> [PickReason] {
        switch policy {
        case .roundRobin: [.order]
        case .random: [.chance]
        case .leastLoad, .powerOfTwo: [.load]
        case .cacheAware: [.prefix, .miss, .balance]
        case .bucket: [.length, .balance]
        case .manual: [.key, .chance, .load]
        case .consistentHashing: [.key, .chance]
        case .prefixHash: [.prefix, .load]
        case .kvCost: [.prefix, .miss, .load, .rendezvous]
        }
    }

    /// What is counted of tokens, where answers tell (`usage` of the OpenAI API, `meta_info` of SGLang's).
    public enum Tokens: Int, CaseIterable, Sendable {
        case prompt, completion
        /// Tokens of prompts that workers found in their caches.
        case cached
        /// The same as it was predicted, of answers to picks that predict.
        case predicted
        /// And as it then was, of the same answers.
        case predictable

        public var label: String {
            switch self {
            case .prompt: "prompt"
            case .completion: "completion"
            case .cached: "cached"
            case .predicted: "predicted"
            case .predictable: "predictable"
            }
        }
    }

    /// What is counted for each worker.
    public struct WorkerCell: Hashable, Sendable {
        /// Where it stands among the cells of its worker.
        public let index: Int

        /// Attempts that failed by its fault.
        public static let failures = WorkerCell(index: 0)

        /// Questions about its model, which no policy has sent to it.
        public static let questions = WorkerCell(index: 1)

        /// Requests that a policy, by its number in ``PolicyName``, has sent to it, every attempt.
        public static func picks(_ policy: Int) -> WorkerCell { WorkerCell(index: 2 + policy) }

        /// How many there are.
        public static let count = 2 + PolicyName.allCases.count
    }

    /// Workers that are told apart; those beyond are counted in the sums only.
    public static let workerRowsMax = 2048
    /// A row of the table: the incarnation's UUID as two numbers, high half first, then what each of its cells had when the
    /// worker got the row. A row whose first number is 0 is nobody's.
    public static let workerRowWords = 2 + WorkerCell.count

    /// Cells of one histogram: room for the buckets that there may be (``DurationBuckets``) and the one without a bound, then
    /// the sum.
    public static let histogramCells = DurationBuckets.countMax + 2
    /// Where the sum stands within a histogram.
    public static let histogramSum = DurationBuckets.countMax + 1

    /// The first cell of each family.
    public static let requests = 0
    public static let durations = requests + RequestRoute.allCases.count * RequestOutcome.allCases.count
    /// How long inference requests took whose answers are successes.
    public static let generation = durations + RequestRoute.allCases.count * histogramCells
    public static let firstToken = generation + histogramCells
    public static let interToken = firstToken + histogramCells
    public static let queueWait = interToken + histogramCells
    public static let picks = queueWait + histogramCells
    public static let aborts = picks + PolicyName.allCases.count * PickReason.allCases.count
    public static let retries = aborts + AbortPhase.allCases.count
    public static let connections = retries + RequestRoute.allCases.count
    public static let tokens = connections + 1
    /// Lines of the access log that were lost because its writer was too slow.
    public static let accessLinesLost = tokens + Tokens.allCases.count
    public static let cellCount = accessLinesLost + 1

    public static func request(_ route: RequestRoute, _ outcome: RequestOutcome) -> Int {
        requests + route.rawValue * RequestOutcome.allCases.count + outcome.rawValue
    }

    public static func duration(_ route: RequestRoute) -> Int { durations + route.rawValue * histogramCells }

    /// - Parameter policy: its number in ``PolicyName``.
    public static func pick(_ policy: Int, _ reason: PickReason) -> Int {
        picks + policy * PickReason.allCases.count + reason.rawValue
    }

    public static func retry(_ route: RequestRoute) -> Int { retries + route.rawValue }

    /// Bytes of one thread's block: whole cache lines, so that no two threads share one.
    public static let blockBytes = (cellCount * 8 + 127) / 128 * 128

    /// Bytes of one thread's cells of all workers.
    public static let workerBlockBytes = workerRowsMax * WorkerCell.count * 8

    public static func workerBlockOffset(thread: Int, threads: Int) -> Int {
        headerBytes + threads * blockBytes + thread * workerBlockBytes
    }

    public static func workerTableOffset(threads: Int) -> Int { workerBlockOffset(thread: threads, threads: threads) }

    public static func fileBytes(threads: Int) -> Int {
        workerTableOffset(threads: threads) + workerRowsMax * workerRowWords * 8
    }

    /// Tells layouts apart: a file of another version's layout, or with other buckets, is not read.
    public static func digest(_ buckets: DurationBuckets) -> UInt64 {
        var text = "5 \(cellCount) \(workerRowsMax) \(workerRowWords) \(buckets.milliseconds)"
        for route in RequestRoute.allCases { text += route.label }
        for outcome in RequestOutcome.allCases { text += outcome.label }
        for policy in PolicyName.allCases { text += policy.rawValue }
        for phase in AbortPhase.allCases { text += phase.label }
        for reason in PickReason.allCases { text += reason.label }
        return text.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    }
}
