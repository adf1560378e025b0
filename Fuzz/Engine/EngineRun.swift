/// One run: an engine on a fuzzed network, taken through the events that the input asks for.
struct EngineRun: ~Copyable {
    static let clientsMax = 6
    static let upstreamsMax = 12

    var engine: ProxyEngine
    var network = FuzzNetwork()
    let shared = SharedState(slotsMax: 32)
    let counters = ThreadCounters()
    var compiler: RoutingTableCompiler
    var input: FuzzInput
    /// How bytes are cut before they are delivered.
    var pieces: Pieces
    var settings = RoutingSettings()
    var slotsSeen: Set<Int> = []
    var sequence: UInt64 = 0
    /// Numbers for messages, see ``Templates``.
    var messages: UInt32 = 0

    init(_ input: consuming FuzzInput) {
        var source = input
        let choices = source.byte()
        pieces = Pieces(seed: source.byte())
        var configuration = EngineConfiguration()
        configuration.heldBodyBytesMax = choices & 1 == 0 ? 100 : 1024 * 1024
        configuration.smallBodyBytesMax = 50
        configuration.queuedBytesMax = 200
        configuration.scarceQueuedBytesMax = 50
        configuration.spoolPieceBytes = 120
        configuration.idleUpstreamsMax = choices & 2 == 0 ? 1 : 256
        configuration.adminForwarding = choices & 4 == 0 ? .all : .loopback
        configuration.adminSocketPath = "/admin"
        settings.halfClose = choices & 8 == 0 ? .abort : .allow
        settings.forwardedFields = [.append, .replace, .remove, .pass][Int(choices >> 4 & 3)]
        settings.timeouts.requestMilliseconds = choices & 64 == 0 ? 0 : 400_000
        settings.via = choices & 128 == 0 ? "signalbox" : ""
        // Their own tests look at ids and traces; here heads are compared as they came.
        settings.requestIDFields = ""
        settings.traceContext = .pass
        engine = ProxyEngine(configuration: configuration, shared: shared, counters: counters, seed: 1)
        compiler = RoutingTableCompiler(shared)
        self.input = source
    }

    /// Everything that the input asks for, and then the end in one of two ways.
    mutating func run() {
        applyTable(0)
        let endsByTime = input.byte() & 1 == 1
        while !input.isAtEnd {
            step(input.byte(), input.byte())
            settle()
        }
        if endsByTime { endByTime() } else { endByPeers() }
        checkNothingIsLeft()
        checkRequests()
        checkAnswers()
    }

    private mutating func step(_ kind: UInt8, _ argument: UInt8) {
        switch kind % 24 {
        case 0: accept()
        case 1, 2, 3:
            client(kind / 24) { run, id in run.write(Templates.requests[Int(argument) % Templates.requests.count], id) }
        case 4: client(kind / 24) { run, id in run.network[id].incoming += run.input.bytes(Int(argument)) }
        case 5: client(argument) { run, id in run.network[id].hasEnded = true }
        case 6: client(argument) { run, id in run.engine.broken(id, &run.network) }
        case 7: upstream(argument) { run, id in run.open(id) }
        case 8, 9, 10:
            upstream(kind / 24) { run, id in run.answer(Templates.answers[Int(argument) % Templates.answers.count], id)
            }
        case 11: upstream(kind / 24) { run, id in run.network[id].incoming += run.input.bytes(Int(argument)) }
        case 12: upstream(argument) { run, id in run.network[id].hasEnded = true }
        case 13: upstream(argument) { run, id in run.engine.broken(id, &run.network) }
        case 14: elapse(milliseconds: Int(argument) << 4)
        case 15: passNextDeadline()
        case 16: anybody(argument) { run, id in run.network[id].isBlocked = true }
        case 17: anybody(argument) { run, id in run.take(id, bytes: .max) }
        case 18: anybody(argument) { run, id in run.take(id, bytes: 100) }
        case 19: applyTable(argument)
        case 20: answerDisk(fails: argument & 7 == 7)
        case 21: network.refusesToConnect.toggle()
        case 22: anybody(argument) { run, id in run.deliverPiece(id) }
        default:
            if argument == 255 { engine.drain(&network) } else { engine.batchEnded(&network) }
        }
    }

    // MARK: - Choosing a connection

    mutating func client(_ number: UInt8, _ body: (inout EngineRun, ConnectionID) -> Void) {
        choose(number, body) { !$0.isUpstream }
    }

    mutating func upstream(_ number: UInt8, _ body: (inout EngineRun, ConnectionID) -> Void) {
        choose(number, body) { $0.isUpstream }
    }

    mutating func anybody(_ number: UInt8, _ body: (inout EngineRun, ConnectionID) -> Void) {
        choose(number, body) { _ in true }
    }

    /// The youngest connections have the smallest numbers: what has just begun is what matters.
    private mutating func choose(
        _ number: UInt8,
        _ body: (inout EngineRun, ConnectionID) -> Void,
        where condition: (FuzzConnection) -> Bool
    ) {
        let open = network.connections.filter { $0.isOpen && condition($0) }.map(\.id)
        guard !open.isEmpty else { return }
        body(&self, open[open.count - 1 - Int(number) % open.count])
    }
}
