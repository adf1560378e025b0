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
        #expect(ServerInfoAnswer.capacity(Array(body.utf8)).runningRequestsMax == expected)
    }

    @Test(
        "The tokens of a worker's cache are those of all its ranks, with those in the host's memory",
        arguments: [
            (#"{"max_total_num_tokens":420000}"#, 420_000),
            (#"{"max_total_num_tokens":420000,"max_running_requests":"many"}"#, 420_000),
            (#"{"max_total_num_tokens":420000,"internal_states":[{},{}]}"#, 840_000),
            (
                #"{"max_total_num_tokens":400000,"enable_hierarchical_cache":true,"hicache_ratio":2.0,"hicache_size":0}"#,
                1_200_000
            ),
            (#"{"max_total_num_tokens":400000,"enable_hierarchical_cache":false,"hicache_ratio":2.0}"#, 400_000),
            (#"{"max_total_num_tokens":400000,"enable_hierarchical_cache":true,"hicache_size":64}"#, 400_000),
            (#"{"max_total_num_tokens":0}"#, nil), (#"{"max_total_num_tokens":-5}"#, nil),
            (#"{"max_total_num_tokens":9223372036854775807}"#, 1_000_000_000),
            (#"{"max_total_num_tokens":1e300}"#, nil),
            (#"{"max_total_num_tokens":7}"#, 1_000),
            ("{}", nil), ("no json", nil),
        ] as [(String, Int?)]
    )
    func cacheTokens(body: String, expected: Int?) {
        #expect(ServerInfoAnswer.capacity(Array(body.utf8)).cacheTokens == expected)
    }
}
