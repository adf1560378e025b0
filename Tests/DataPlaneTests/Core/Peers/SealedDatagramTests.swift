import Testing

@testable import DataPlaneCore

/// What data planes of several hosts send one another, and what they refuse.
struct SealedDatagramTests {
    private static let now: UInt64 = 1_700_000_000_000
    private static let payload = Array("what is in flight".utf8)

    private static func key(_ letter: Character) throws -> PeerKey {
        try #require(PeerKey(String(repeating: letter, count: 32).utf8))
    }

    /// An authenticator that expectations may change.
    private final class Party {
        var authenticator: PeerAuthenticator

        init(_ number: UInt64, _ letter: Character) throws {
            authenticator = PeerAuthenticator(id: PeerID(number), keys: [try key(letter)])
        }

        func seal(at milliseconds: UInt64) throws -> [UInt8] {
            let bytes = authenticator.seal(payload, at: milliseconds)
            return try #require(bytes)
        }

        func opens(_ bytes: [UInt8], at milliseconds: UInt64) -> Bool {
            authenticator.open(bytes, at: milliseconds) == payload
        }
    }

    @Test("What is sealed is opened with the same key")
    func roundTrip() throws {
        let key = try Self.key("a")
        let datagram = SealedDatagram(sender: PeerID(7), counter: 9, milliseconds: Self.now, payload: Self.payload)
        let bytes = datagram.sealed(with: key)
        #expect(bytes.count == SealedDatagram.headerBytes + Self.payload.count + SealedDatagram.codeBytes)
        #expect(try SealedDatagram(opening: bytes, with: [try Self.key("b"), key]) == datagram)
        let empty = SealedDatagram(sender: PeerID(7), counter: 9, milliseconds: 0, payload: [])
        #expect(try SealedDatagram(opening: empty.sealed(with: key), with: [key]) == empty)
    }

    @Test("The code is the first half of HMAC-SHA-256, as another program computes it")
    func code() throws {
        // Computed with `openssl dgst -sha256 -mac HMAC -macopt key:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`.
        let code = try Self.key("a").code(for: Array("what do ya want for nothing?".utf8)[...])
        let text = code.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(text == "256acbf6cf1b24d5713bbb91d634e689")
    }

    @Test("Each changed bit, each cut and each added byte is noticed")
    func tampering() throws {
        let key = try Self.key("a")
        let datagram = SealedDatagram(sender: PeerID(7), counter: 9, milliseconds: Self.now, payload: Self.payload)
        let bytes = datagram.sealed(with: key)
        for bit in 0..<(bytes.count * 8) {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: PeerRefusal.self) { try SealedDatagram(opening: changed, with: [key]) }
        }
        for count in 0..<bytes.count {
            #expect(throws: PeerRefusal.self) { try SealedDatagram(opening: Array(bytes[..<count]), with: [key]) }
        }
        #expect(throws: PeerRefusal.forged) { try SealedDatagram(opening: bytes + [0], with: [key]) }
        #expect(throws: PeerRefusal.unknownKey) { try SealedDatagram(opening: bytes, with: [try Self.key("b")]) }
        #expect(throws: PeerRefusal.unknownKey) { try SealedDatagram(opening: bytes, with: []) }
        let long = [UInt8](repeating: 0, count: SealedDatagram.payloadBytesMax + 1)
        let tooLong = SealedDatagram(sender: PeerID(7), counter: 9, milliseconds: 0, payload: long).sealed(with: key)
        #expect(throws: PeerRefusal.malformed) { try SealedDatagram(opening: tooLong, with: [key]) }
    }

    @Test("None is accepted twice, and each refusal is counted by its reason")
    func refusals() throws {
        let one = try Party(1, "a")
        let other = try Party(2, "a")
        let stranger = try Party(3, "b")
        let first = try one.seal(at: Self.now)
        let second = try one.seal(at: Self.now)
        #expect(first != second)
        #expect(other.opens(second, at: Self.now + 20))
        #expect(other.opens(first, at: Self.now + 20))
        #expect(!other.opens(first, at: Self.now + 30))
        #expect(other.authenticator.heardCount(at: Self.now + 519) == 1)
        #expect(other.authenticator.heardCount(at: Self.now + 520) == 0)
        let foreign = try stranger.seal(at: Self.now)
        #expect(!other.opens(foreign, at: Self.now))
        #expect(!other.opens([1, 2, 3], at: Self.now))
        #expect(other.authenticator.refusedCount == 3)
        #expect(other.authenticator.refusedText == "malformed: 1, unknown key: 1, replayed: 1")
    }

    @Test("Clocks may differ by 30 s, in both directions", arguments: [-30_001, -30_000, 0, 30_000, 30_001])
    func skew(difference: Int) throws {
        let one = try Party(1, "a")
        let other = try Party(2, "a")
        let bytes = try one.seal(at: UInt64(Int(Self.now) + difference))
        #expect((other.opens(bytes, at: Self.now)) == (abs(difference) <= 30_000))
        #expect(other.authenticator.refusedText == (abs(difference) <= 30_000 ? "" : "late: 1"))
    }

    @Test("An own datagram that comes back is no fault, and tells that the own address is among the peers")
    func itself() throws {
        let one = try Party(1, "a")
        let bytes = try one.seal(at: Self.now)
        #expect(!one.authenticator.hearsItself)
        #expect(!one.opens(bytes, at: Self.now))
        #expect(one.authenticator.hearsItself && one.authenticator.refusedCount == 0)
    }

    @Test("Keys rotate without a gap: the second one is accepted before it is used and after")
    func rotation() throws {
        let one = try Party(1, "a")
        let other = try Party(2, "a")
        func exchanges() throws -> Bool {
            let to = try one.seal(at: Self.now)
            let fro = try other.seal(at: Self.now)
            return other.opens(to, at: Self.now) && one.opens(fro, at: Self.now)
        }
        let (old, new) = (try Self.key("a"), try Self.key("n"))
        for keys in [[old], [old, new], [new, old], [new]] {
            one.authenticator.keys = keys
            #expect(try exchanges())
            other.authenticator.keys = keys
            #expect(try exchanges())
        }
        one.authenticator.keys = [old]
        #expect(try !exchanges())
    }

    @Test("A bounded number of senders is remembered, and none is forgotten whose datagrams could be replayed")
    func senders() throws {
        let other = try Party(1_000_000, "a")
        var captured: [[UInt8]] = []
        for number in 1...PeerAuthenticator.sendersMax {
            let one = try Party(UInt64(number), "a")
            let bytes = try one.seal(at: Self.now)
            captured.append(bytes)
            #expect(other.opens(bytes, at: Self.now))
        }
        let late = try Party(999_999, "a")
        let early = try late.seal(at: Self.now)
        #expect(!other.opens(early, at: Self.now))
        #expect(other.authenticator.refusedText == "crowded: 1")
        let then = Self.now + PeerAuthenticator.skewMillisecondsMax + 1
        let again = try late.seal(at: then)
        #expect(other.opens(again, at: then))
        for bytes in captured { #expect(!other.opens(bytes, at: then)) }
    }

    @Test("Garbage costs nothing but a count")
    func garbage() throws {
        var random = SplitMix64(seed: 8)
        let one = try Party(1, "a")
        let other = try Party(2, "a")
        for step in 1...2_000 {
            var bytes = try one.seal(at: Self.now)
            if step % 2 == 0 {
                bytes = (0..<Int(random.next() % 1_500)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            }
            if !bytes.isEmpty { bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8) }
            #expect(!other.opens(bytes, at: Self.now))
        }
        #expect(other.authenticator.refusedCount == 2_000)
    }
}
