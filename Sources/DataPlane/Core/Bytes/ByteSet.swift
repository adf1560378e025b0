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

    /// `reg-name` of RFC 3986 section 3.2.2: digits, letters, `-._~`, `%` and the sub-delimiters ``!$&'()*+,;=`` without
    /// the comma, which would make a list of one Host.
    static var hostName: ByteSet { ByteSet(low: 0x2BFF_6FF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// Digits, letters, ``-._~!$&'()*+,;=`` and the colon: the rest of an IPvFuture (RFC 3986 section 3.2.2).
    static var futureAddress: ByteSet { ByteSet(low: 0x2FFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE) }

    /// Visible characters without ``#%.?"<>\^`{}``: what has no meaning of its own in a request target and may stand
    /// anywhere in it.
    static var plainTarget: ByteSet { ByteSet(low: 0x2FFF_BFD2_0000_0000, high: 0x57FF_FFFE_AFFF_FFFF) }

    /// ``\^`{}``: what nothing that is a URL has in its path, though browsers leave it in queries.
    static var onlyQuery: ByteSet { ByteSet(low: 0, high: 0x2800_0001_5000_0000) }
}
