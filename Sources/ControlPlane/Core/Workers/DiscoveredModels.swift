public import SignalboxProtocol

/// What a worker said about its models, and how much it can take.
public struct DiscoveredModels: Hashable, Sendable {
    public var cards: [ModelCard]
    /// The model's name when the worker has no cards but names a model elsewhere.
    public var modelID: String?
    /// Nil when the worker did not answer.
    public var capacity: ToldCapacity?

    public init(cards: [ModelCard], modelID: String? = nil, capacity: ToldCapacity? = nil) {
        self.cards = cards
        self.modelID = modelID
        self.capacity = capacity
    }
}

extension Worker {
    /// Takes the cards over when they say something new; the name found elsewhere counts only when there are neither
    /// cards nor a name yet.
    public mutating func take(_ models: DiscoveredModels) {
        if !ModelDiscovery.saySame(self.models, models.cards) { self.models = models.cards }
        if models.cards.isEmpty, modelGiven == nil { modelGiven = models.modelID }
        if let capacity = models.capacity { self.capacity = capacity }
    }
}
