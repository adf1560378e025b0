/// Heads as clients and workers send them.
enum SampleHeads {
    /// What `curl -d` sends.
    static let curl = head([
        "POST /v1/chat/completions HTTP/1.1", "Host: localhost:8080", "User-Agent: curl/8.5.0", "Accept: */*",
        "Content-Type: application/json", "Content-Length: 214",
    ])

    /// What the OpenAI SDK for Python sends.
    static let openAIPython = head([
        "POST /v1/chat/completions HTTP/1.1", "Host: router.example.com:8080", "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive", "Accept: application/json", "Content-Type: application/json",
        "User-Agent: OpenAI/Python 1.54.3", "X-Stainless-Lang: python", "X-Stainless-Package-Version: 1.54.3",
        "X-Stainless-OS: Linux", "X-Stainless-Arch: x64", "X-Stainless-Runtime: CPython",
        "X-Stainless-Runtime-Version: 3.11.2",
        "Authorization: Bearer sk-0123456789abcdefghijklmnopqrstuvwxyz0123456789",
        "X-Stainless-Async: false", "x-stainless-retry-count: 0", "Content-Length: 4096",
    ])

    /// As many fields as are accepted, which together nearly fill the bytes that are accepted.
    static let atTheLimits = head(
        ["GET /v1/models HTTP/1.1", "Host: localhost"]
            + (0..<126).map { "X-Field-Number-\($0): " + String(repeating: "0123456789abcdef", count: 31) }
    )

    /// What a Python web server answers with.
    static let jsonResponse = head([
        "HTTP/1.1 200 OK", "date: Mon, 02 Nov 2026 10:00:00 GMT", "server: uvicorn", "content-length: 812",
        "content-type: application/json",
    ])

    static let eventStreamResponse = head([
        "HTTP/1.1 200 OK", "date: Mon, 02 Nov 2026 10:00:00 GMT", "server: uvicorn", "cache-control: no-cache",
        "x-request-id: 5a2c6e1f-3b7d-4c1e-9a55-0f6f2f1f7d11", "content-type: text/event-stream; charset=utf-8",
        "transfer-encoding: chunked",
    ])

    private static func head(_ lines: [String]) -> [UInt8] {
        Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }
}
