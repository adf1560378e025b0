import ArgumentParser
import SimulatedWorker

/// The flags about misbehaviour from the start.
struct FaultOptions: ParsableArguments {
    @Option(
        name: .customLong("fault"),
        help: ArgumentHelp(
            "A fault as a list of fields, as with POST /faults; may be repeated.",
            discussion: """
                Example: --fault status=500,path=/generate,count=3. Fields: path, status, delay_head_ms, \
                stall_after_events, close_after_events, reset, crash, after_events, refuse, slow_accept_ms, \
                health_status, delay_health_ms, probability, count, for_ms. A name without a value means true.
                """,
            valueName: "spec"
        )
    )
    var specifications: [String] = []

    @Option(
        name: .customLong("start-unhealthy-ms"),
        help: ArgumentHelp("Answer /health with 503 for so many milliseconds after the start.", valueName: "ms")
    )
    var startUnhealthy = 0

    func validate() throws {
        try require(startUnhealthy >= 0, "--start-unhealthy-ms must not be negative, not \(startUnhealthy).")
        _ = try parsed()
    }

    /// The faults that the flags describe.
    func parsed() throws -> [Fault] {
        try specifications.map { specification in
            do {
                return try Fault(specification: specification)
            } catch {
                throw ValidationError("--fault '\(specification)': \(error)")
            }
        }
    }
}
