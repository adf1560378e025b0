/// The budgets of bytes that a data plane keeps, as they are set (``HeldResources`` has what is used of them).
public struct ResourceBudgets: Hashable, Sendable, Codable {
    /// Unread input, held bodies and unsent output together.
    public var bufferBytes: Int
    /// Request bodies in temporary files.
    public var spoolBytes: Int
    public var prefixIndexBytes: Int

    public init(bufferBytes: Int = 0, spoolBytes: Int = 0, prefixIndexBytes: Int = 0) {
        self.bufferBytes = bufferBytes
        self.spoolBytes = spoolBytes
        self.prefixIndexBytes = prefixIndexBytes
    }

    enum CodingKeys: String, CodingKey {
        case bufferBytes = "buffer_bytes"
        case spoolBytes = "spool_bytes"
        case prefixIndexBytes = "prefix_index_bytes"
    }
}
