import Testing

@testable import ControlPlaneCore

struct ServerInfoAnswerTests {
    @Test(
        "The number of requests that a worker runs at one time is the sum of its ranks, else what it was started with",
        arguments: [
            (#"{"max_running_requests":64}"#, 64),
            (#"{"max_running_requests":64,"internal_states":[{"effective_max_running_requests_per_dp":32}]}"#, 32),
            (
                #"{"internal_states":[{"effective_max_running_requests_per_dp":32},{"effective_max_running_requests_per_dp":16}]}"#,
                48
            ),
            (#"{"max_running_requests":64,"internal_states":[{"last_gen_throughput":1.5}]}"#, 64),
            (#"{"max_running_requests":null}"#, nil), (#"{"max_running_requests":0}"#, nil),
            (#"{"max_running_requests":-3}"#, nil), (#"{"max_running_requests":1000000}"#, nil),
            (#"{"internal_states":[{"effective_max_running_requests_per_dp":9223372036854775807}]}"#, nil),
            ("{}", nil), ("[]", nil), ("no json", nil),
        ] as [(String, Int?)]
    )
    func runningRequestsMax(body: String, expected: Int?) {
        #expect(ServerInfoAnswer.runningRequestsMax(Array(body.utf8)) == expected)
    }
}
