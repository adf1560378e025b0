/// Bounds on the heads of messages, in bytes unless said otherwise.
public struct HTTPLimits: Sendable {
    /// Longest request line; 16 KiB hold any URL that a browser or SDK makes.
    public var requestLineBytesMax = 16 * 1024
    /// Longest head, first line and final empty line included; cookies and tokens fit, a bomb does not.
    public var headBytesMax = 64 * 1024
    /// Most fields in one head.
    public var fieldsMax = 128
    /// Most bytes of chunk extensions in one body; they carry nothing that anyone uses.
    public var chunkExtensionBytesMax = 4 * 1024
    /// Most bytes of trailer fields; they are dropped.
    public var trailerBytesMax = 8 * 1024

    public init() {}
}
