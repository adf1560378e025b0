internal import Glibc

/// Where a child says, with one byte, that it serves.
final class ReadyPipe {
    private let end: Descriptor

    var number: Int32 { end.number }

    init(_ end: consuming Descriptor) {
        self.end = end
    }

    /// Whether the child serves; nil while it has not said it, false when it never will.
    func read() -> Bool? {
        var byte: UInt8 = 0
        let count = Glibc.read(end.number, &byte, 1)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return nil }
        return count > 0
    }
}
