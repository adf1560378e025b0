/// A snapshot as it goes over the wire and into history: encoded once, the same bytes for every data plane.
public struct EncodedSnapshot: Hashable, Sendable {
    public let header: SnapshotHeader
    /// The document's line, line feed included.
    public let document: [UInt8]

    public init(_ snapshot: Snapshot) throws {
        document = try LineCoding.encode(snapshot)
        header = SnapshotHeader(
            version: snapshot.version,
            bytes: document.count,
            digest: SnapshotDigest(of: document)
        )
    }

    public var version: SnapshotVersion { header.version }

    /// The header's line and the document's line.
    public func wireBytes() throws -> [UInt8] {
        try LineCoding.encode(ControlPlaneMessage.snapshot(header)) + document
    }
}

/// Why two received lines are not a snapshot that may be applied.
public struct SnapshotRejection: Error, Hashable, Sendable, CustomStringConvertible {
    public var reason: String
    public var violations: [String]

    public init(reason: String, violations: [String] = []) {
        self.reason = reason
        self.violations = violations
    }

    public var description: String {
        violations.isEmpty ? reason : "\(reason) \(violations.joined(separator: " "))"
    }
}

extension SnapshotHeader {
    /// Checks a received document against this header, decodes and validates it.
    ///
    /// - Parameter features: required features that the reader knows.
    public func open(document line: [UInt8], features: [String] = []) throws(SnapshotRejection) -> Snapshot {
        guard line.count == bytes else {
            throw SnapshotRejection(reason: "The document has \(line.count) bytes, its header says \(bytes).")
        }
        let actual = SnapshotDigest(of: line)
        guard actual == digest else {
            throw SnapshotRejection(reason: "The document's digest is \(actual), its header says \(digest).")
        }
        let envelope: SnapshotEnvelope
        do {
            envelope = try LineCoding.decode(SnapshotEnvelope.self, from: line)
        } catch {
            throw SnapshotRejection(reason: "The document cannot be read: \(error)")
        }
        guard envelope.schema.major == SchemaVersion.current.major else {
            throw SnapshotRejection(
                reason: "The document has schema \(envelope.schema), this software reads \(SchemaVersion.current)."
            )
        }
        let unknown = (envelope.requiredFeatures ?? []).filter { !features.contains($0) }
        guard unknown.isEmpty else {
            throw SnapshotRejection(
                reason: "The document requires features that are not known here: \(unknown.joined(separator: ", "))."
            )
        }
        let snapshot: Snapshot
        do {
            snapshot = try LineCoding.decode(Snapshot.self, from: line)
        } catch {
            throw SnapshotRejection(reason: "The document cannot be read: \(error)")
        }
        guard snapshot.version == version else {
            throw SnapshotRejection(reason: "The document is version \(snapshot.version), its header says \(version).")
        }
        let violations = snapshot.violations()
        guard violations.isEmpty else {
            throw SnapshotRejection(
                reason: "The document breaks \(violations.count) rules.",
                violations: violations.map(\.description)
            )
        }
        return snapshot
    }
}

/// The part of a document that every version of the schema has; it is read first.
private struct SnapshotEnvelope: Decodable {
    var schema: SchemaVersion
    var requiredFeatures: [String]?

    enum CodingKeys: String, CodingKey {
        case schema
        case requiredFeatures = "required_features"
    }
}
