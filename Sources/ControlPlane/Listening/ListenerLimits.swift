import NIOCore

/// What the connections of one listener may do.
struct ListenerLimits {
    /// Most connections at a time; when they are open, the one that is silent for the longest time is closed.
    var connectionsMax: Int
    /// How long the first head of a connection may take.
    var headTimeout = TimeAmount.seconds(10)
    /// How long a connection may be silent between requests, and how long the head of a later request may take.
    var idleTimeout = TimeAmount.seconds(60)
}
