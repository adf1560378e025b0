import SignalboxProtocol

/// Who a client is, as far as decisions need it.
public struct ClientPeer: Sendable {
    public var address: IPAddress

    public init(address: IPAddress) {
        self.address = address
    }
}

/// Prefill work of a request at a worker.
struct PlacedWork {
    var slot: Int
    var tokens: Int
    var placedAt: MonotonicTime
    /// Nothing else was waiting there.
    var isAlone: Bool
}

/// One client connection and the request that it is at. An idle one holds no buffer.
struct ClientConnection {
    enum Phase {
        /// Between two requests, or in the middle of a head.
        case head
        /// The head was accepted; the body arrives.
        case body
        /// The body is whole in a temporary file; what the pick needs of it is being read.
        case spooled
        /// The request is whole; it waits for a worker, or for another attempt.
        case waiting
        /// With a worker, or with the control plane.
        case upstream
    }

    /// What happens to the body of the current request.
    enum BodyUse {
        /// Held until it is whole, then sent.
        case hold
        /// Sent on as it arrives.
        case stream
        /// Written to a temporary file until it is whole, then sent from there.
        case spool
        /// Thrown away; then the local answer is given.
        case discard
    }

    var id: ConnectionID
    var peer: ClientPeer
    var phase = Phase.head
    /// Bytes that arrived and are not consumed yet: a part of a head, or requests that were sent ahead.
    var input = ByteBuffer()
    var headEnd = HeadEnd()
    /// The first line of a head that is not whole yet was checked.
    var checkedFirstLine = false
    /// Empty lines that came before the head.
    var emptyLines = 0
    /// The time limit for the head that is arriving runs already.
    var isHeadTimed = false
    /// The client has finished a request on this connection before.
    var served = 0
    /// A head was accepted whose request is not answered yet.
    var isInRequest = false
    /// What has arrived is being gone through right now.
    var isConsuming = false
    /// The client has closed its sending side and may still read (``HalfClose/allow``).
    var hasEnded = false

    var request = ClientRequest()
    var exchange = Exchange()
    var framer = BodyFramer(.none)
    var bodyUse = BodyUse.hold
    var bodyBytes = 0
    /// When the request's head was accepted.
    var beganAt = MonotonicTime(milliseconds: 0)
    /// When the request must be over, whatever it is at; nil without a limit.
    var requestDeadline: MonotonicTime?
    /// The time limits of the request's model, once it is known.
    var timeouts = RequestTimeouts()
    /// What a discarded body is followed by.
    var localAnswer: LocalAnswer?

    /// The connection to the worker while ``phase`` is `upstream`.
    var upstream: ConnectionID?
    /// Where the request is counted as in flight.
    var countedSlot: Int?
    var worker: PickedWorker?
    /// The leases of workers that failed this request.
    var tried: [UInt64] = []
    /// It was let through by a breaker that is half-open.
    var isTrial = false
    /// When its worker was picked, where that worker's limit is learned from how long requests take; else nil.
    var placedAt: MonotonicTime?
    /// The prefill work that the attempt has brought to its worker and that has not shown its first token.
    var work: PlacedWork?
    /// How the present attempt ended is known to the worker's breaker.
    var hasOutcome = false
    /// It counts among the requests that the data plane has taken on.
    var isAdmitted = false
    /// When another attempt is made, while ``phase`` is `waiting`.
    var retryAt: MonotonicTime?
    /// What it waits for while ``phase`` is `waiting`.
    var waitReason = WaitReason.notReady
    /// When the request first had to wait for a worker: all its waits together have a limit.
    var waitsSince: MonotonicTime?
    /// When its present wait began; nil while it does not wait.
    var waitBeganAt: MonotonicTime?
    /// The place in the list of waiting requests while ``phase`` is `waiting`.
    var waitingTicket: UInt64?
    /// Bytes that were queued for the client when it was last seen to take none.
    var stalledBytes = 0
    /// Whether the answer's body must be chunked for the client.
    var chunksAnswer = false
    var events = EventBoundary()
    var mayInsertEvent = false
    /// What is noted of the request for metrics and the access log.
    var notes = RequestNotes()
    /// The end of an answer's content that came before the present bytes, where usage is read from it.
    var tail = ByteBuffer()
    /// The client has left.
    var hasGone = false

    init(id: ConnectionID, peer: ClientPeer) {
        self.id = id
        self.peer = peer
    }

    /// A head was accepted: everything of the previous request is forgotten.
    mutating func begin(_ head: RequestHead, at now: MonotonicTime) {
        request.method = head.method
        request.minorVersion = head.minorVersion
        request.keepAlive = head.keepAlive
        request.framing = head.framing
        request.contentType = head.contentType
        request.asksForSnapshot = head.asksForSnapshot
        request.asksForExplanation = head.asksForExplanation
        request.explanation = nil
        request.answerStatus = 0
        request.hasWholeAnswer = false
        request.name = nil
        request.idLine = 0..<0
        bodyUse = .hold
        framer = BodyFramer(head.framing)
        bodyBytes = 0
        exchange = Exchange()
        if !tried.isEmpty { tried = [] }
        worker = nil
        waitsSince = nil
        waitBeganAt = nil
        retryAt = nil
        served += 1
        isInRequest = true
        isHeadTimed = false
        emptyLines = 0
        beganAt = now
        notes = RequestNotes()
    }

    /// Everything of the request has been given to the worker's connection.
    var isUploadComplete: Bool {
        switch bodyUse {
        case .hold, .discard: true
        case .stream: !framerIsOpen
        case .spool: !request.spool.isReading && request.spool.sentBytes == request.spool.writtenBytes
        }
    }

    /// A body is still arriving, and what arrives is wanted: a streamed one waits until its connection is open.
    var framerIsOpen: Bool {
        if phase == .body { return true }
        return phase == .upstream && bodyUse == .stream && !exchange.isReplayable && framer.remainingBytes != 0
    }
}

/// The worker that an attempt goes to, as one table version had it; the table itself is not kept alive.
struct PickedWorker {
    var lease: WorkerSlots.Lease
    var endpoint: WorkerEndpoint
    /// Which of the worker's addresses is being tried.
    var address = 0

    init(_ worker: RoutedWorker) {
        lease = worker.lease
        endpoint = worker.endpoint
    }
}

/// What is kept of a request to send it on, to send it again and to answer it.
struct ClientRequest {
    var method = HTTPMethod.get
    var route = Route.notFound
    var errorShape = ErrorShape.openAI
    var minorVersion = 1
    var keepAlive = true
    var framing = BodyFraming.none
    var contentType = RequestContentType.absent
    /// The client wants to know by which snapshot it is served, and how old that may be.
    var asksForSnapshot = false
    /// The client wants to know why its worker was picked.
    var asksForExplanation = false
    /// What it is counted as.
    var metricsRoute = MetricsLayout.RequestRoute.other
    /// The status of the answer that the client gets; 0: none yet.
    var answerStatus = 0
    /// The client has got, or will get, the answer to its end.
    var hasWholeAnswer = false
    /// What it is called towards operators, once that was asked for.
    var name: String?
    /// Why the worker was picked, where that was asked for.
    var explanation: String?
    /// Method, target and the fields that are passed on, one behind the other.
    var head = ByteBuffer()
    var methodEnd = 0
    var targetEnd = 0
    /// What the fields say about where it is to go; empty where no policy of the table asked when the head came.
    var keys = RoutingKeys()
    /// Where the line with the request's id stands in ``head``, with its end; empty: it has none.
    var idLine = 0..<0
    /// The body as far as it is held in memory.
    var body = ByteBuffer()
    /// What was read of the body, where it had to be read.
    var content = BodyContent()
    var spool = SpoolState()
}

/// How far a body in a temporary file is.
struct SpoolState {
    /// Bytes that were given to the file.
    var writtenBytes = 0
    /// Bytes that the disk has not confirmed yet.
    var unconfirmedBytes = 0
    /// Bytes that were sent on to the worker.
    var sentBytes = 0
    /// A part was asked for and has not come yet.
    var isReading = false
    /// The request's model, read from the file; nil when the body names none.
    var model: [UInt8]?
}
