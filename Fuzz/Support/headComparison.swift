/// The length of the head at the beginning of `bytes`, nil when it is not whole or not valid.
///
/// However the bytes are cut, the answer must be the same.
func headLength(_ bytes: [UInt8], pieces seed: UInt8) -> Int? {
    let whole = search(bytes, [0..<bytes.count])
    let inPieces = search(bytes, Pieces.of(bytes.count, seed: seed))
    require(whole == inPieces, "the end of the head depends on pieces: \(shown(bytes))")
    return whole
}

private func search(_ bytes: [UInt8], _ pieces: [Range<Int>]) -> Int? {
    var end = HeadEnd()
    for piece in pieces {
        do throws(HTTPFault) {
            if let length = try end.find(in: bytes.span.extracting(0..<piece.upperBound)) { return length }
        } catch {
            return nil
        }
    }
    return nil
}

/// Fields must be the same ones in the same order, and those that stay here must be recognised in any spelling.
func compare(_ fields: FieldTable, of head: [UInt8], with plain: PlainHead) {
    require(fields.fields.count == plain.fields.count, "number of fields of \(shown(head))")
    for (field, expected) in zip(fields.fields, plain.fields) {
        let name = String(decoding: head[field.nameRange], as: UTF8.self).lowercased()
        require(name == expected.name, "a field's name: \(name), not \(expected.name)")
        require(Array(head[field.valueRange]) == expected.value, "the value of \(name): \(shown(head))")
        require(!head[field.valueRange].contains { $0 == 0x0A || $0 == 0x0D || $0 == 0 }, "the value of \(name)")
        require(field.name.isHopByHop == PlainHead.hopByHop.contains(name), "'\(name)' is known or unknown by mistake")
        require(
            fields.isNominated(field, in: head.span) == plain.isNominated(name),
            "'\(name)' is named in Connection or not: \(shown(head))"
        )
    }
}
