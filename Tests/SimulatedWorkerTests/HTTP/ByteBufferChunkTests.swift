import NIOCore
import NIOHTTP1
import Testing

@testable import SimulatedWorker

@Suite("HTTP pieces")
struct ByteBufferChunkTests {
    @Test("A chunk announces exactly what is in it", arguments: [1, 15, 16, 255, 256, 65_536])
    func chunk(bytes: Int) {
        let data = String(repeating: "x", count: bytes)
        let chunk = ByteBuffer.chunk(allocator: ByteBufferAllocator(), capacity: 64) { _ = $0.writeString(data) }
        #expect(String(buffer: chunk) == "\(String(bytes, radix: 16))\r\n\(data)\r\n")
    }

    @Test("A target is split into its path and its parameters")
    func target() {
        let target = RequestTarget("/v1/blob?bytes=12&chunked&a=b=c")
        #expect(target.path == "/v1/blob")
        #expect(target["bytes"] == "12")
        #expect(target["chunked"] == "")
        #expect(target["a"] == "b=c")
        #expect(target["byte"] == nil)
    }

    @Test("Unknown paths below /v1 are answered, control paths are no work")
    func routes() {
        #expect(Route(method: .POST, path: "/v1/something") == .anything)
        #expect(Route(method: .GET, path: "/v1/something") == .unknown)
        #expect(Route(method: .GET, path: "/generate") == .wrongMethod)
        #expect(Route(method: .POST, path: "/v1/chat/completions").isWork)
        #expect(!Route(method: .GET, path: "/stats").isWork)
        #expect(Route(method: .DELETE, path: "/faults").isControl)
    }
}
