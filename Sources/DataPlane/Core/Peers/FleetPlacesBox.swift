import Synchronization

/// The places of the present table, shared: replaced by the thread that compiles tables, read by the one that hears peers.
final class FleetPlacesBox: Sendable {
    private let places = Mutex(FleetPlaces())

    func withLock<Result: Sendable>(_ body: (inout sending FleetPlaces) -> sending Result) -> Result {
        places.withLock(body)
    }
}
