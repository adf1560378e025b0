/// Lines between the planes: cut into lines alike however they arrive, read without a trap, and what was read says the
/// same when it is written and read again. A document that is accepted compiles into a routing table.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNDJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count)
    let seed = input.byte()
    let bytesMax = Int(input.byte()) * 16 + 1
    let bytes = input.rest()
    let whole = lines(of: bytes, [0..<bytes.count], bytesMax: bytesMax)
    let inPieces = lines(of: bytes, Pieces.of(bytes.count, seed: seed), bytesMax: bytesMax)
    require(whole == inPieces, "lines depend on pieces: \(shown(bytes))")
    require(whole == plainLines(of: bytes, bytesMax: bytesMax), "lines of \(shown(bytes)), at most \(bytesMax)")
    for line in whole.lines {
        checkAgain(ControlPlaneMessage.self, line)
        checkAgain(DataPlaneMessage.self, line)
        checkDocument(line)
    }
    return 0
}

private struct Lines: Equatable {
    var lines: [[UInt8]] = []
    var isTooLong = false
}

private func lines(of bytes: [UInt8], _ pieces: [Range<Int>], bytesMax: Int) -> Lines {
    var decoder = LineDecoder(bytesMax: bytesMax)
    var result = Lines()
    for piece in pieces {
        decoder.append(bytes.span.extracting(piece))
        do throws(LineTooLong) {
            while let line = try decoder.next() { result.lines.append(line) }
            require(decoder.bufferedBytes < bytesMax, "\(decoder.bufferedBytes) bytes are held, at most \(bytesMax)")
        } catch {
            result.isTooLong = true
            return result
        }
    }
    return result
}

private func plainLines(of bytes: [UInt8], bytesMax: Int) -> Lines {
    var result = Lines()
    var parts = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    let rest = parts.popLast() ?? []
    for part in parts {
        guard part.count < bytesMax else {
            result.isTooLong = true
            return result
        }
        result.lines.append(part + [0x0A])
    }
    result.isTooLong = rest.count >= bytesMax
    return result
}

/// A message that was read means the same when it is written and read again.
private func checkAgain<Message: Codable & Equatable>(_ type: Message.Type, _ line: [UInt8]) {
    guard let message = try? LineCoding.decode(type, from: line) else { return }
    do {
        let written = try LineCoding.encode(message)
        require(written.last == 0x0A && !written.dropLast().contains(0x0A), "a message of several lines")
        let again = try LineCoding.decode(type, from: written)
        require(again == message, "\(message) became \(again)")
    } catch {
        finding("\(message) cannot be written and read again: \(error)")
    }
}

/// A document that every check lets through is applied by a data plane: nothing of that may trap.
private func checkDocument(_ line: [UInt8]) {
    guard let version = (try? LineCoding.decode(Version.self, from: line))?.version else { return }
    let header = SnapshotHeader(version: version, bytes: line.count, digest: SnapshotDigest(of: line))
    let snapshot: Snapshot
    do throws(SnapshotRejection) {
        snapshot = try header.open(document: line)
    } catch {
        return
    }
    require(snapshot.violations().isEmpty, "a document with violations was accepted")
    do {
        let encoded = try EncodedSnapshot(snapshot)
        let again = try encoded.header.open(document: encoded.document)
        require(again == snapshot, "a document does not say the same when it is written again: \(shown(line))")
    } catch {
        finding("an accepted document cannot be written and read again: \(error), of \(shown(line))")
    }
    var compiler = RoutingTableCompiler(SharedState(slotsMax: 16))
    let digest = SnapshotDigest(of: line)
    guard let table = try? compiler.compile(snapshot, digest: digest, observed: [], addresses: [:]) else {
        require(snapshot.workers.count > 16, "an accepted document cannot be compiled: \(shown(line))")
        return
    }
    require(table.workers.count == snapshot.workers.count, "workers were lost")
    require(table.readyCount == 0, "a worker without an address is ready")
}

private struct Version: Decodable {
    var version: SnapshotVersion
}
