/// Datagrams between data planes: read without a trap, taken in without a trap, and what was read says the same when it is
/// written and read again. Between hosts nothing that was changed on the way is opened.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPeerDatagram(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let (position, mask) = (Int(input.byte()), input.byte())
    let bytes = input.rest()
    checkDatagram(bytes)
    checkSealed(bytes, position, mask)
    return 0
}

private func checkDatagram(_ bytes: [UInt8]) {
    // Most inputs have no header of their own: they are sections then.
    var framed = PeerDatagram(sender: PeerID(7), sequence: 3).encoded()
    let sectionsBegin = PeerDatagram.headerBytes
    framed.removeSubrange(sectionsBegin...)
    for candidate in [bytes, framed + bytes] {
        guard let datagram = PeerDatagram(candidate) else { continue }
        require(PeerDatagram(datagram.encoded()) == datagram, "says something else when read again: \(shown(candidate))")
        let shared = SharedState(slotsMax: 8, prefixIndexBytes: 1 << 16)
        var exchange = PeerExchange(id: PeerID(1), name: "fuzz", shared: shared)
        for milliseconds in [10, 20] {
            _ = exchange.received(candidate, at: MonotonicTime(milliseconds: milliseconds))
        }
        _ = exchange.timePassed(at: MonotonicTime(milliseconds: 100), known: [PeerID(7)])
        require(exchange.status(at: MonotonicTime(milliseconds: 100)).count <= 1, "one sender is one peer")
    }
}

private func checkSealed(_ bytes: [UInt8], _ position: Int, _ mask: UInt8) {
    guard let key = PeerKey([UInt8](repeating: 5, count: PeerKeyLines.keyBytesMin)) else { return }
    require((try? SealedDatagram(opening: bytes, with: [key])) == nil, "opened without the key: \(shown(bytes))")
    let payload = Array(bytes.prefix(SealedDatagram.payloadBytesMax))
    let datagram = SealedDatagram(sender: PeerID(7), counter: 1, milliseconds: 1_000, payload: payload)
    var sealed = datagram.sealed(with: key)
    require((try? SealedDatagram(opening: sealed, with: [key])) == datagram, "not opened: \(shown(bytes))")
    guard mask != 0 else { return }
    sealed[position % sealed.count] ^= mask
    require((try? SealedDatagram(opening: sealed, with: [key])) == nil, "opened although changed: \(shown(sealed))")
}
