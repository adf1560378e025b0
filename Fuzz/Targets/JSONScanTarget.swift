/// The scan of JSON bodies: accepts what an independent reader accepts, finds the same model and stream flag, and does
/// so for every way to cut the bytes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONScan(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let seed = input.byte()
    let bytes = input.rest()
    let whole = scan(bytes, [0..<bytes.count])
    let inPieces = scan(bytes, Pieces.of(bytes.count, seed: seed))
    require(whole == inPieces, "the scan depends on pieces: \(shown(bytes))")
    let expected = PlainJSON.read(bytes)
    guard let whole else {
        require(expected == nil, "refused although it is JSON: \(shown(bytes))")
        return 0
    }
    guard let expected else { finding("accepted although it is not JSON that is served: \(shown(bytes))") }
    require(whole.stream == expected.stream, "stream of \(shown(bytes))")
    let model = whole.model.map { String(decoding: JSONString.decode(bytes.span, $0), as: UTF8.self) }
    require(
        model.map { Array($0.utf8) } == expected.model.map { Array($0.utf8) },
        "the model of \(shown(bytes)) is \(model ?? "none"), not \(expected.model ?? "none")"
    )
    return 0
}

private func scan(_ bytes: [UInt8], _ pieces: [Range<Int>]) -> RequestScan? {
    var scanner = RequestScanner()
    do throws(HTTPFault) {
        for piece in pieces { try scanner.take(bytes.span.extracting(piece)) }
        return try scanner.finish()
    } catch {
        require(error.status == 400, "status \(error.status)")
        return nil
    }
}
