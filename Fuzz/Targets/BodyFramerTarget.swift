/// Body framing: content, end and refusal are the same for every way to cut the bytes, and the same that an independent
/// reader finds.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzBodyFramer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let kind = input.byte()
    let seed = input.byte()
    let length = Int(input.byte()) << 2
    let bytes = input.rest()
    switch kind % 4 {
    case 0: checkFraming(.none, .none, bytes, seed)
    case 1: checkFraming(.length(length), .length(length), bytes, seed)
    case 2: checkUntilClose(bytes, seed)
    default: checkFraming(.chunked, .chunked, bytes, seed)
    }
    return 0
}

private func checkFraming(_ framing: BodyFraming, _ plain: PlainFraming, _ bytes: [UInt8], _ seed: UInt8) {
    let whole = read(framing, bytes, [0..<bytes.count])
    let inPieces = read(framing, bytes, Pieces.of(bytes.count, seed: seed))
    let expected = PlainBody.read(bytes[...], plain)
    require(whole == expected, "\(framing) of \(shown(bytes)): \(whole), not \(expected)")
    require(inPieces == whole, "\(framing) depends on pieces: \(inPieces), not \(whole), of \(shown(bytes))")
}

private func checkUntilClose(_ bytes: [UInt8], _ seed: UInt8) {
    let body = read(.untilClose, bytes, Pieces.of(bytes.count, seed: seed))
    require(body == .incomplete(bytes), "until the close everything is content: \(shown(bytes))")
}

private func read(_ framing: BodyFraming, _ bytes: [UInt8], _ pieces: [Range<Int>]) -> PlainBody {
    var framer = BodyFramer(framing)
    var content: [UInt8] = []
    var limits = HTTPLimits()
    limits.chunkExtensionBytesMax = PlainChunks.extensionBytesMax
    limits.trailerBytesMax = PlainChunks.trailerBytesMax
    // An empty piece as well: a body may end before the first one.
    for piece in [0..<0] + pieces {
        let span = bytes.span.extracting(piece)
        var position = 0
        steps: while true {
            let before = position
            do throws(HTTPFault) {
                switch try framer.next(span, at: &position, limits: limits) {
                case .data(let range):
                    require(!range.isEmpty && range.lowerBound >= before, "content \(range) behind \(before)")
                    require(position >= range.upperBound, "position \(position) inside \(range)")
                    content +=
                        bytes[piece][(piece.lowerBound + range.lowerBound)..<(piece.lowerBound + range.upperBound)]
                case .needMore:
                    require(position == span.count, "more is needed before the end")
                    break steps
                case .end:
                    require(framer.remainingBytes == 0 || framing == .chunked, "bytes remain behind the end")
                    return .complete(content, count: piece.lowerBound + position)
                }
            } catch {
                require(error.status == 400 || error.status == 431, "status \(error.status)")
                return .invalid(content)
            }
        }
    }
    return .incomplete(content)
}
