/// A set of ASCII bytes, a bit for each, so that asking costs no branch per range.
struct ByteSet {
    /// Bytes 0 to 63.
    private var low: UInt64
    /// Bytes 64 to 127.
    private var high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let half = byte < 64 ? low : high
        return byte < 128 && half >> UInt64(byte & 63) & 1 == 1
    }

    /// `tchar` of RFC 9110 section 5.6.2, ``!#$%&'*+-.^_`|~``, digits and letters: names of methods and fields.
    static var token: ByteSet { ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE) }

    /// Digits, letters and `-._~%`: names of hosts as they occur, and no delimiter.
    static var hostName: ByteSet { ByteSet(low: 0x03FF_6020_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// Visible characters without `#%.?`: what has no meaning of its own in a request target.
    static var plainTarget: ByteSet { ByteSet(low: 0x7FFF_BFD6_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF) }
}
