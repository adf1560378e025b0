/// A response that is written in several parts, and must know what becomes of its connection meanwhile.
protocol ActiveExchange: AnyObject {
    /// The connection takes more bytes again, or no more for now.
    func writabilityChanged()
    /// The connection is gone; everything that was done for it must stop.
    func connectionClosed()
}
