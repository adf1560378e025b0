/// A message that cannot be accepted: the status to answer with and one sentence that says why.
public struct HTTPFault: Error, Sendable, Equatable {
    public var status: Int
    public var message: StaticString

    public init(_ status: Int, _ message: StaticString) {
        self.status = status
        self.message = message
    }

    public static func == (one: HTTPFault, other: HTTPFault) -> Bool {
        one.status == other.status && one.message.description == other.message.description
    }
}
