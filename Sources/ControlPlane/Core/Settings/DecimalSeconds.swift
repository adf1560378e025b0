/// Seconds as a person writes them, with at most three decimals, and the milliseconds that they are.
public enum DecimalSeconds {
    private static let decimalsMax = 3

    /// The whole milliseconds of a text such as `90`, `0.25` or `.5`; nil when it is no such text or overflows.
    public static func milliseconds(_ text: String) -> Int? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count == 2 ? Array(parts[1]) : []
        guard let whole = parts.first, decimals.count <= decimalsMax, !(whole.isEmpty && decimals.isEmpty) else {
            return nil
        }
        guard parts.count == 1 || !decimals.isEmpty else { return nil }
        let zeros = Array(repeating: UInt8(ascii: "0"), count: decimalsMax - decimals.count)
        var result = 0
        for byte in Array(whole) + decimals + zeros {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (shifted, overflows) = result.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = shifted.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
            guard !overflows, !overflowsToo else { return nil }
            result = sum
        }
        return result
    }

    /// The shortest text of the milliseconds: `90`, `0.25`.
    public static func text(milliseconds: Int) -> String {
        let (whole, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        guard rest != 0 else { return "\(whole)" }
        var decimals = String(String(1000 + rest).dropFirst())
        while decimals.last == "0" { decimals.removeLast() }
        return "\(whole).\(decimals)"
    }
}
