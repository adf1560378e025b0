/// How a server proves who it is, and how this client does.
public struct OutboundTLS: Hashable, Sendable {
    /// Certificates that the server's must be signed by, as PEM; nil: those of the system.
    public var authorities: [UInt8]?
    /// The client's certificate chain and its key, as PEM.
    public var identity: Identity?
    /// False takes any server, so that anyone on the way can read and change everything.
    public var verifiesServer: Bool

    public struct Identity: Hashable, Sendable {
        public var certificate: [UInt8]
        public var key: [UInt8]

        public init(certificate: [UInt8], key: [UInt8]) {
            self.certificate = certificate
            self.key = key
        }
    }

    public init(authorities: [UInt8]? = nil, identity: Identity? = nil, verifiesServer: Bool = true) {
        self.authorities = authorities
        self.identity = identity
        self.verifiesServer = verifiesServer
    }
}
