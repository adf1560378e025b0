/// Stands in for swift-crypto's types of these names. Not a code that authenticates anything.
public struct SymmetricKey: Equatable, Sendable {
    let bytes: [UInt8]

    public init(data: [UInt8]) {
        bytes = data
    }
}

public enum HMAC<Function> {
    public static func authenticationCode(for data: some Sequence<UInt8>, using key: SymmetricKey) -> [UInt8] {
        SHA256.hash(data: key.bytes + data)
    }
}
