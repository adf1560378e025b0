import Crypto
import SignalboxProtocol
import Testing

struct EncodedSnapshotTests {
    @Test("The same snapshot has the same bytes and the same digest, every time")
    func deterministic() throws {
        let first = try EncodedSnapshot(SampleSnapshot.snapshot())
        for _ in 0..<20 {
            let again = try EncodedSnapshot(SampleSnapshot.snapshot())
            #expect(again == first)
        }
    }

    @Test("The digest covers the document's line with its line feed")
    func digest() throws {
        let encoded = try EncodedSnapshot(SampleSnapshot.snapshot())
        #expect(encoded.document.last == 0x0A)
        #expect(encoded.document.dropLast().contains(0x0A) == false)
        let hexadecimal = SHA256.hash(data: encoded.document).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
        #expect(encoded.header.digest.description == "sha256:" + hexadecimal)
        #expect(encoded.header.bytes == encoded.document.count)
    }

    @Test("What was encoded opens to the same snapshot")
    func roundTrip() throws {
        let snapshot = SampleSnapshot.snapshot()
        let encoded = try EncodedSnapshot(snapshot)
        #expect(try encoded.header.open(document: encoded.document) == snapshot)
    }

    @Test("A document with one changed bit is refused", arguments: [0, 10, 100])
    func flippedBit(position: Int) throws {
        let encoded = try EncodedSnapshot(SampleSnapshot.snapshot())
        var document = encoded.document
        document[position] ^= 1
        #expect(throws: SnapshotRejection.self) { try encoded.header.open(document: document) }
    }

    @Test("A document that is shorter than its header says is refused")
    func truncated() throws {
        let encoded = try EncodedSnapshot(SampleSnapshot.snapshot())
        #expect(throws: SnapshotRejection.self) {
            try encoded.header.open(document: Array(encoded.document.dropLast()))
        }
    }

    @Test("An unknown required feature is refused by its name, a known one passes")
    func requiredFeatures() throws {
        var snapshot = SampleSnapshot.snapshot()
        snapshot.requiredFeatures = ["time_travel"]
        let encoded = try EncodedSnapshot(snapshot)
        do {
            _ = try encoded.header.open(document: encoded.document)
            Issue.record("the snapshot was accepted")
        } catch {
            #expect(error.reason.contains("time_travel"))
        }
        #expect(try encoded.header.open(document: encoded.document, features: ["time_travel"]) == snapshot)
    }

    @Test("Another major schema is refused, fields that are unknown are ignored")
    func schema() throws {
        var snapshot = SampleSnapshot.snapshot()
        snapshot.schema = SchemaVersion(major: 2, minor: 0)
        let encoded = try EncodedSnapshot(snapshot)
        #expect(throws: SnapshotRejection.self) { try encoded.header.open(document: encoded.document) }

        let newer = try EncodedSnapshot(SampleSnapshot.snapshot())
        let text = String(decoding: newer.document, as: UTF8.self)
        let document = Array(("{\"future\":{\"x\":[1]}," + text.dropFirst()).utf8)
        let header = SnapshotHeader(
            version: newer.version,
            bytes: document.count,
            digest: SnapshotDigest(of: document)
        )
        #expect(try header.open(document: document) == SampleSnapshot.snapshot())
    }

    @Test("A header of another version than its document is refused")
    func versionMismatch() throws {
        let encoded = try EncodedSnapshot(SampleSnapshot.snapshot(sequence: 7))
        var header = encoded.header
        header.sequence = 8
        #expect(throws: SnapshotRejection.self) { try header.open(document: encoded.document) }
    }
}
