import SignalboxProtocol
import Testing

struct SecretTests {
    private static let text = "canary-" + String(repeating: "k", count: 40)

    @Test("A secret goes over the wire and is shown nowhere else")
    func isNotShown() throws {
        let secret = Secret(Self.text)
        let message = ControlPlaneMessage.secrets(SecretsMessage(peerKeys: [secret]))
        var dumped = ""
        dump(message, to: &dumped)
        for shown in ["\(secret)", "\(message)", String(reflecting: message), String(describing: [secret]), dumped] {
            #expect(!shown.contains("canary"), "\(shown)")
        }
        let line = try LineCoding.encode(message)
        #expect(String(decoding: line, as: UTF8.self) == "{\"peer_keys\":[\"\(Self.text)\"],\"type\":\"secrets\"}\n")
        #expect(try LineCoding.decode(ControlPlaneMessage.self, from: line) == message)
    }

    @Test("Secrets of a newer control plane may be others")
    func otherSecrets() throws {
        let line = Array(#"{"type":"secrets","worker_keys":{"a":"b"}}"#.utf8)
        #expect(try LineCoding.decode(ControlPlaneMessage.self, from: line) == .secrets(SecretsMessage(peerKeys: nil)))
    }

    @Test("A key file has one key, or two while keys change")
    func keyFile() throws {
        let line = String(repeating: "k", count: PeerKeyLines.keyBytesMin)
        let other = String(repeating: "m", count: 40)
        #expect(try PeerKeyLines(file: Array(line.utf8)).keys == [Secret(line)])
        #expect(try PeerKeyLines(file: Array("\(line)\r\n\n\(other)\n".utf8)).keys == [Secret(line), Secret(other)])
        #expect(try PeerKeyLines(file: Array("\(line)\n\(line)\n".utf8)).keys == [Secret(line)])
        for wrong in [
            "", "\n", String(line.dropLast()), "\(line) \(line)", "\(line)\n\(other)\n\(other)x", "ключ" + line,
        ] {
            let error = #expect(throws: PeerKeyError.self) { try PeerKeyLines(file: Array(wrong.utf8)) }
            #expect(error?.description.contains("kkkk") == false)
        }
    }

    @Test("Keys that came over the wire obey the rules of the file, except that there may be none")
    func keysOfTheWire() throws {
        let keys = [Secret(String(repeating: "k", count: 32)), Secret(String(repeating: "m", count: 32))]
        #expect(try PeerKeyLines(keys).keys == keys)
        #expect(try PeerKeyLines([]) == PeerKeyLines.none)
        #expect(throws: PeerKeyError.self) { try PeerKeyLines([Secret("short")]) }
        #expect(throws: PeerKeyError.self) { try PeerKeyLines(keys + [Secret(String(repeating: "n", count: 32))]) }
    }
}
