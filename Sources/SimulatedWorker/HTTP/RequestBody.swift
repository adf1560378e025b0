import Crypto
import NIOCore

/// What becomes of the body of a request while it arrives: only what is needed of it is kept.
enum RequestBody {
    /// Kept as a whole, up to a limit.
    case collected(ByteBuffer?, bytesMax: Int)
    /// Counted and hashed, never kept.
    case hashed(SHA256, bytes: Int)
    /// Read and dropped.
    case dropped

    /// The body of a request to `route`.
    init(for route: Route, bytesMax: Int) {
        switch route {
        case .echo: self = .hashed(SHA256(), bytes: 0)
        case .answer, .addFaults, .anything: self = .collected(nil, bytesMax: bytesMax)
        default: self = .dropped
        }
    }

    /// Takes the next part in; false when the body is too large.
    mutating func receive(_ part: ByteBuffer) -> Bool {
        switch consume self {
        case .collected(let collected, let bytesMax):
            guard (collected?.readableBytes ?? 0) + part.readableBytes <= bytesMax else {
                self = .dropped
                return false
            }
            if var collected {
                collected.writeImmutableBuffer(part)
                self = .collected(collected, bytesMax: bytesMax)
            } else {
                self = .collected(part, bytesMax: bytesMax)
            }
        case .hashed(var hash, let bytes):
            part.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
            self = .hashed(hash, bytes: bytes + part.readableBytes)
        case .dropped:
            self = .dropped
        }
        return true
    }
}
