/// Stands in for swift-crypto's type of this name, so that fuzzing needs no package: the fuzzed code only compares
/// digests that it made itself. Not a cryptographic hash.
public enum SHA256 {
    public static func hash(data: some Sequence<UInt8>) -> [UInt8] {
        var words: [UInt64] = [
            0xCBF2_9CE4_8422_2325, 0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB,
        ]
        for byte in data {
            for index in words.indices { words[index] = (words[index] ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }
}
