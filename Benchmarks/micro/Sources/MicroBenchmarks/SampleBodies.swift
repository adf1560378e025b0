/// Bodies as clients and workers send them.
enum SampleBodies {
    static let plainText = "Tell me in one sentence why the sky is blue. "
    /// Text with an escape every thirty bytes or so, as source code and dialogues have it.
    static let escapedText = #"The \"quick\" brown fox jumps over the lazy dog,\nand then it says:\n\tdone. "#
    /// As people write: a line end every hundred bytes, a quotation now and then.
    static let proseText =
        #"Summarise the incident report below in three sentences and name the component that failed first.\n"#
        + #"The on-call engineer wrote: \"the queue grew for eleven minutes before the alarm went off\".\n"#
    static let chineseText = "请用一句话说明天空为什么是蓝色的，并给出一个例子。"

    /// An event of a chat completion's stream.
    static let event = Array(
        (#"data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1700000000,"model":"llama-3.1-8b","#
            + #""choices":[{"index":0,"delta":{"content":" the"},"finish_reason":null}]}"# + "\n\n").utf8
    )

    /// A chat request whose one message is `text`, repeated up to about `contentBytes` bytes.
    static func chat(contentBytes: Int, of text: String) -> [UInt8] {
        let content = String(repeating: text, count: max(1, contentBytes / text.utf8.count))
        let body =
            #"{"model": "llama-3.1-8b", "messages": [{"role": "user", "content": ""# + content
            + #""}], "temperature": 0.7, "max_tokens": 256, "stream": true}"#
        return Array(body.utf8)
    }

    /// A chunked body of these chunks.
    static func chunked(_ chunks: [[UInt8]]) -> [UInt8] {
        var body: [UInt8] = []
        for chunk in chunks {
            body += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + Array("\r\n".utf8)
        }
        return body + Array("0\r\n\r\n".utf8)
    }

    static func eventChunks(_ count: Int) -> [UInt8] {
        chunked(Array(repeating: event, count: count))
    }
}
