/// Cuts the body of a watch into its lines, whatever the pieces that it arrives in.
public struct WatchLines: Sendable {
    /// Longest line in bytes. An object of Kubernetes has at most 1.5 MiB.
    public static let bytesMax = 8 * 1024 * 1024

    private var partial: [UInt8] = []
    private let bytesMax: Int

    public init(bytesMax: Int = WatchLines.bytesMax) {
        self.bytesMax = bytesMax
    }

    /// Takes the next piece and returns the lines that it ends, without their ends; blank ones are left out.
    ///
    /// Nil when a line is too long: what follows cannot be understood.
    public mutating func take(_ bytes: UnsafeRawBufferPointer) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            partial.append(contentsOf: rest[rest.startIndex..<end])
            guard partial.count <= bytesMax else { return nil }
            if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
            if !partial.isEmpty { lines.append(partial) }
            partial = []
            rest = rest[(end + 1)...]
        }
        partial.append(contentsOf: rest)
        return partial.count <= bytesMax ? lines : nil
    }
}
