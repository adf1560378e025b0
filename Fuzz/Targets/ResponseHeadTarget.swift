/// Response heads: the parser accepts exactly what an independent reader accepts, and both find the same end of the
/// body: a disagreement here is how one client gets another one's answer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzResponseHead(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let isAnswerToHead = input.byte() & 1 == 1
    let seed = input.byte()
    let bytes = input.rest()
    let reading = PlainResponse.read(bytes[...], isAnswerToHead: isAnswerToHead)
    guard let length = headLength(bytes, pieces: seed) else {
        if case .response = reading { finding("a whole head was not found: \(shown(bytes))") }
        return 0
    }
    let head = Array(bytes[..<length])
    var fields = FieldTable()
    let parsed: ResponseHead
    do throws(HTTPFault) {
        parsed = try ResponseHead.parse(
            head.span,
            into: &fields,
            isAnswerToHead: isAnswerToHead,
            limits: HTTPLimits()
        )
    } catch {
        if case .response = reading { finding("refused with '\(error.message)': \(shown(head))") }
        return 0
    }
    guard case .response(let plain) = reading else {
        finding("accepted although it is not valid: \(shown(head))")
    }
    compare(parsed, of: head, with: plain)
    compare(fields, of: head, with: plain.head)
    return 0
}

private func compare(_ parsed: ResponseHead, of head: [UInt8], with plain: PlainResponse) {
    require(parsed.status == plain.status, "status of \(shown(head))")
    require(Array(head[parsed.statusRange]) == plain.statusText, "status line of \(shown(head))")
    require(parsed.minorVersion == plain.minorVersion, "version of \(shown(head))")
    require(parsed.keepAlive == plain.keepAlive, "keep-alive of \(shown(head))")
    let framing: PlainResponse.Framing =
        switch parsed.framing {
        case .none: .known(.none)
        case .length(let length): .known(.length(length))
        case .chunked: .known(.chunked)
        case .untilClose: .untilClose
        }
    require(framing == plain.framing, "framing of \(shown(head)): \(parsed.framing), not \(plain.framing)")
    let types = plain.head.values("content-type").map { String(decoding: $0, as: UTF8.self).lowercased() }
    require(parsed.isEventStream == (types.count == 1 && isEventStream(types[0])), "event stream of \(shown(head))")
    let codings = plain.head.values("content-encoding").map { String(decoding: $0, as: UTF8.self).lowercased() }
    require(parsed.isContentEncoded == codings.contains { $0 != "identity" }, "coding of \(shown(head))")
}

private func isEventStream(_ type: String) -> Bool {
    let rest = type.dropFirst(17)
    return type.hasPrefix("text/event-stream") && (rest.isEmpty || "; \t".contains(rest.first ?? "x"))
}
