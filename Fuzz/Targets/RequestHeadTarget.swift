/// Request heads: whatever the pieces are, the parser accepts exactly what an independent reader of the same rules
/// accepts, and understands the same by it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequestHead(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let seed = input.byte()
    let bytes = input.rest()
    let length = headLength(bytes, pieces: seed)
    let reading = PlainRequest.read(bytes[...])
    guard let length else {
        if case .request = reading { finding("a whole head was not found: \(shown(bytes))") }
        return 0
    }
    let head = Array(bytes[..<length])
    var fields = FieldTable()
    let parsed: RequestHead
    do throws(HTTPFault) {
        parsed = try RequestHead.parse(head.span, into: &fields, limits: HTTPLimits())
    } catch {
        require([400, 414, 417, 431, 505].contains(error.status), "status \(error.status)")
        if case .request = reading { finding("refused with '\(error.message)': \(shown(head))") }
        return 0
    }
    guard case .request(let plain) = reading else {
        finding("accepted although it is not valid: \(shown(head))")
    }
    compare(parsed, fields, of: head, with: plain)
    return 0
}

private func compare(_ parsed: RequestHead, _ fields: FieldTable, of head: [UInt8], with plain: PlainRequest) {
    require(shown(head[parsed.methodRange]) == shown(plain.method.utf8), "method of \(shown(head))")
    require(shown(head[parsed.target.forwarded]) == shown(plain.target.utf8), "target of \(shown(head))")
    require(parsed.minorVersion == plain.minorVersion, "version of \(shown(head))")
    require(parsed.keepAlive == plain.keepAlive, "keep-alive of \(shown(head))")
    require(parsed.expectsContinue == plain.expectsContinue, "Expect of \(shown(head))")
    let framing: PlainFraming? =
        switch parsed.framing {
        case .none: PlainFraming.none
        case .length(let length): .length(length)
        case .chunked: .chunked
        case .untilClose: nil
        }
    require(framing == plain.framing, "framing of \(shown(head)): \(parsed.framing), not \(plain.framing)")
    compare(fields, of: head, with: plain.head)
}
