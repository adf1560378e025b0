import Logging

/// What a program says on standard output once it serves, whatever its log level: scripts wait for it.
///
/// Where its log is JSON this is an object, too: containers write both streams into one, and its reader takes each line for JSON.
public struct Greeting {
    private let program: String
    private let address: String
    private let adminAddress: String?

    public init(program: String, address: String, adminAddress: String? = nil) {
        self.program = program
        self.address = address
        self.adminAddress = adminAddress
    }

    /// Whole lines, at `now`, in milliseconds since 1970.
    public func lines(_ format: LogFormat, millisecondsSinceEpoch now: Int64) -> String {
        switch format {
        case .text:
            let admin = adminAddress.map { "\(program): admin API on http://\($0)\n" } ?? ""
            return "\(program): serving on http://\(address)\n" + admin
        case .json:
            return LogLine.json(
                millisecondsSinceEpoch: now,
                level: .info,
                message: "\(program) serves.",
                metadata: ["address": "\(address)"].merging(
                    adminAddress.map { ["admin_address": "\($0)"] } ?? [:]
                ) { one, _ in one }
            )
        }
    }
}
