// All unsafe code of the core that touches bytes of a connection. Each function checks its bounds before it touches
// memory, keeps no pointer, and cannot be given anything that breaks it: what is unsafe stays inside.

extension Span where Element == UInt8 {
    /// The eight bytes from `index` on, which must all be in bounds.
    ///
    /// Reading them one by one costs four times the instructions. The load is marked unsafe only because it could be
    /// asked for types of which not every bit pattern is valid; it checks its bounds itself.
    @inline(__always)
    func word(at index: Int) -> ByteWord {
        let loaded = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
        return ByteWord(bits: UInt64(littleEndian: loaded))
    }

    /// Sixty-four bytes at `index`, as eight words of the machine, with one check of the bounds for all.
    @inline(__always)
    func eightWords(at index: Int) -> (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) {
        unsafe bytes.unsafeLoadUnaligned(
            fromByteOffset: index,
            as: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64).self
        )
    }

    /// The sixteen bytes from `index` on, which must all be in bounds.
    @inline(__always)
    func block(at index: Int) -> ByteBlock {
        unsafe ByteBlock(bytes: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self))
    }

    /// A bit for each of the sixty-four bytes from `index` on that is not plain text in a JSON string, the first one in the lowest
    /// bit; all must be in bounds, which is checked once.
    @inline(__always)
    func specialBits(at index: Int) -> UInt64 {
        let four = unsafe bytes.unsafeLoadUnaligned(
            fromByteOffset: index,
            as: (SIMD16<UInt8>, SIMD16<UInt8>, SIMD16<UInt8>, SIMD16<UInt8>).self
        )
        let lower = ByteBlock(bytes: four.0).specialBits | ByteBlock(bytes: four.1).specialBits &<< 16
        let upper = ByteBlock(bytes: four.2).specialBits | ByteBlock(bytes: four.3).specialBits &<< 16
        return lower | upper &<< 32
    }

    /// The index of the first byte from `start` on that is not plain text in a JSON string, or a later one than
    /// `count - 16` when the whole blocks before it have none.
    ///
    /// The loop's own condition is the check of bounds; checking each load once more costs a third of the instructions.
    @inline(__always)
    func plainTextEnd(from start: Int) -> Int {
        precondition(start >= 0)
        let last = count &- ByteBlock.count
        return unsafe withUnsafeBytes { buffer in
            var index = start
            while index <= last {
                let block = unsafe ByteBlock(
                    bytes: buffer.baseAddress.unsafelyUnwrapped.loadUnaligned(
                        fromByteOffset: index,
                        as: SIMD16<UInt8>.self
                    )
                )
                let prefix = block.plainTextPrefix
                index &+= prefix
                if prefix != ByteBlock.count { break }
            }
            return index
        }
    }
}

extension ByteBlock {
    /// The same bytes as signed numbers: those of 0x80 and more are negative.
    @inline(__always)
    var signedBytes: SIMD16<Int8> { unsafe unsafeBitCast(bytes, to: SIMD16<Int8>.self) }

    /// A mask as two words, the bytes of which are 0xFF where it is set and else 0: masks joined as words cost one
    /// instruction, and as masks a loop.
    @inline(__always)
    static func marks(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD2<UInt64> {
        unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
    }
}

extension StaticString {
    /// Gives `body` the UTF-8 of the text.
    ///
    /// The buffer is the compiler's own constant, which lives as long as the process does; a closure that inlines lets
    /// the optimiser compare with constants instead of memory.
    @inline(__always)
    func withSpan<Result>(_ body: (borrowing Span<UInt8>) -> Result) -> Result {
        withUTF8Buffer { buffer in body(unsafe buffer.span) }
    }
}

extension Array where Element == UInt8 {
    /// Appends `bytes` in one copy, and CR LF behind them if asked; the standard library has no append of a span yet.
    ///
    /// Room for all of it is reserved first, and `initialize(fromContentsOf:)` checks that the bytes fit.
    @inline(__always)
    mutating func append(copying bytes: borrowing Span<UInt8>, thenLineEnd: Bool = false) {
        // An empty array's storage is shared by the whole process: nothing may be written to it, not even a count of 0.
        guard !bytes.isEmpty || thenLineEnd else { return }
        let copied = bytes.count
        append(addingCapacity: thenLineEnd ? copied + 2 : copied) { output in
            unsafe bytes.withUnsafeBufferPointer { source in
                unsafe output.withUnsafeMutableBufferPointer { target, count in
                    _ = unsafe target.initialize(fromContentsOf: source)
                    count = copied
                }
            }
            if thenLineEnd {
                output.append(ASCII.carriageReturn)
                output.append(ASCII.lineFeed)
            }
        }
    }
}
