import SignalboxProtocol

extension HTTPLimits {
    /// The bounds on messages that the operators have set.
    init(_ settings: RoutingSettings) {
        self.init()
        requestLineBytesMax = settings.requestLineBytesMax
        headBytesMax = settings.headBytesMax
        fieldsMax = settings.fieldsMax
        chunkExtensionBytesMax = settings.chunkExtensionBytesMax
    }
}
