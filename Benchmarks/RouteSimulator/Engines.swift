/// All engines on one clock, and what came of the requests that they were sent.
struct Engines {
    private(set) var models: [EngineModel]
    private let workload: Workload
    /// When something happens next at each engine.
    private var next: [Double]
    private var ttft: [Double] = []
    private var backlogMax = 0.0
    private var inputTokens = 0

    init(_ models: [EngineModel], _ workload: Workload) {
        self.models = models
        self.workload = workload
        next = models.map { _ in .infinity }
        ttft.reserveCapacity(workload.requests.count)
    }

    /// When something happens next anywhere.
    var nextEvent: Double { next.min() ?? .infinity }

    /// The next event that happens until `limit`, by the number of its request.
    mutating func takeEvent(until limit: Double) -> (time: Double, request: Int, EngineModel.Event)? {
        guard let engine = next.indices.min(by: { next[$0] < next[$1] }), next[engine] <= limit,
            next[engine] < .infinity
        else { return nil }
        let time = next[engine]
        let (request, event) = models[engine].takeEvent()
        next[engine] = models[engine].nextEvent
        if case .firstToken = event { ttft.append(time - workload.requests[request].arrival) }
        return (time, request, event)
    }

    /// Sends a request to an engine; all events until its arrival have been taken.
    mutating func submit(_ number: Int, to engine: Int) {
        let request = workload.requests[number]
        models[engine].submit(request, number: number, at: request.arrival)
        inputTokens += request.inputTokens
        next[engine] = models[engine].nextEvent
        backlogMax = max(backlogMax, models[engine].backlog)
    }

    /// Lets everything end.
    consuming func outcome() -> Outcome {
        while takeEvent(until: .infinity) != nil {}
        return Outcome(
            hitPercent: 100 * Double(models.reduce(0) { $0 + $1.cachedTokens }) / Double(max(1, inputTokens)),
            ttft: ttft,
            backlogMax: backlogMax
        )
    }
}
