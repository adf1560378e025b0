public import SignalboxProtocol

/// The families that come from what data planes count (``MetricsLayout``), the same for one of them and for all together.
public struct CountedMetrics {
    private let cells: [UInt64]
    /// In seconds.
    private let bounds: [Double]

    /// - Parameter cells: the sums over all threads, cell by cell.
    public init(cells: [UInt64], _ buckets: DurationBuckets) {
        precondition(cells.count == MetricsLayout.cellCount, "there are \(cells.count) cells")
        self.cells = cells
        bounds = buckets.seconds
    }

    public func write(_ page: inout PrometheusText) {
        original(&page)
        requests(&page)
    }

    /// The names of the original.
    private func original(_ page: inout PrometheusText) {
        page.family("sgl_router_requests_total", .counter, "Requests that have ended, by what they asked for.")
        for route in MetricsLayout.RequestRoute.allCases {
            page.sample("sgl_router_requests_total", [("route", route.label)], count(route))
        }
        page.family("sgl_router_request_errors_total", .counter, "Requests that were refused, failed or cut.")
        for route in MetricsLayout.RequestRoute.allCases {
            let types =
                [("client_error", .clientError), ("server_error", .serverError), ("cut", .cut)]
                as [(String, MetricsLayout.RequestOutcome)]
            for (type, outcome) in types {
                let labels = [("route", route.label), ("error_type", type)]
                page.sample("sgl_router_request_errors_total", labels, count(route, outcome))
            }
        }
        page.family("sgl_router_retries_total", .counter, "Further attempts for requests.")
        for route in MetricsLayout.RequestRoute.allCases where route.isInference {
            page.sample("sgl_router_retries_total", [("route", route.label)], cells[MetricsLayout.retry(route)])
        }
        page.family(
            "sgl_router_request_duration_seconds",
            .histogram,
            "From the head of a request to the end of its answer."
        )
        for route in MetricsLayout.RequestRoute.allCases {
            histogram(
                &page,
                "sgl_router_request_duration_seconds",
                [("route", route.label)],
                MetricsLayout.duration(route)
            )
        }
        page.family(
            "sgl_router_generate_duration_seconds",
            .histogram,
            "The same of inference requests with a successful answer, all routes together."
        )
        histogram(&page, "sgl_router_generate_duration_seconds", [], MetricsLayout.generation)
        let decided =
            [
                (
                    "sgl_router_cache_hits_total", "Picks of a worker that was thought to have enough of the prompt.",
                    .prefix
                ),
                (
                    "sgl_router_cache_misses_total", "Picks for prompts of which no worker was thought to have enough.",
                    .miss
                ),
                ("sgl_router_load_balancing_events_total", "Picks by load because loads were too far apart.", .balance),
            ] as [(String, String, MetricsLayout.PickReason)]
        for (name, help, reason) in decided {
            page.family(name, .counter, help)
            page.sample(name, [], picks(reason))
        }
    }

    /// Picks of the policies that know what workers have, or weigh that against loads.
    private func picks(_ reason: MetricsLayout.PickReason) -> UInt64 {
        PolicyName.allCases.enumerated().reduce(UInt64(0)) { sum, policy in
            let isCounted = MetricsLayout.pickReasons(policy.element).contains(.miss)
            return isCounted ? sum &+ cells[MetricsLayout.pick(policy.offset, reason)] : sum
        }
    }

    private func requests(_ page: inout PrometheusText) {
        page.family(
            "signalbox_requests_total",
            .counter,
            "Requests that have ended, by what they asked for and how they ended."
        )
        for route in MetricsLayout.RequestRoute.allCases {
            for outcome in MetricsLayout.RequestOutcome.allCases {
                page.sample(
                    "signalbox_requests_total",
                    [("route", route.label), ("outcome", outcome.label)],
                    count(route, outcome)
                )
            }
        }
        page.family(
            "signalbox_time_to_first_token_seconds",
            .histogram,
            "From the head of a request to the first content of its stream."
        )
        histogram(&page, "signalbox_time_to_first_token_seconds", [], MetricsLayout.firstToken)
        page.family(
            "signalbox_inter_token_seconds",
            .histogram,
            "Between two events of a stream; those that come together count as one."
        )
        histogram(&page, "signalbox_inter_token_seconds", [], MetricsLayout.interToken)
        tokens(&page)
        page.family(
            "signalbox_queue_wait_seconds",
            .histogram,
            "How long requests that had to wait for a worker waited."
        )
        histogram(&page, "signalbox_queue_wait_seconds", [], MetricsLayout.queueWait)
        page.family("signalbox_picks_total", .counter, "Picks of a worker, by policy and by what decided them.")
        for (index, policy) in PolicyName.allCases.enumerated() {
            for reason in MetricsLayout.pickReasons(policy) {
                page.sample(
                    "signalbox_picks_total",
                    [("policy", policy.rawValue), ("reason", reason.label)],
                    cells[MetricsLayout.pick(index, reason)]
                )
            }
        }
        page.family(
            "signalbox_client_aborts_total",
            .counter,
            "Clients that left before their answer was whole, by when."
        )
        for phase in MetricsLayout.AbortPhase.allCases {
            page.sample(
                "signalbox_client_aborts_total",
                [("phase", phase.label)],
                cells[MetricsLayout.aborts + phase.rawValue]
            )
        }
        page.family("signalbox_client_connections_total", .counter, "Connections that clients opened.")
        page.sample("signalbox_client_connections_total", [], cells[MetricsLayout.connections])
    }

    private func tokens(_ page: inout PrometheusText) {
        page.family("signalbox_tokens_total", .counter, "Tokens, as the answers that tell their usage say.")
        for kind in [MetricsLayout.Tokens.prompt, .completion, .cached] {
            page.sample("signalbox_tokens_total", [("kind", kind.label)], token(kind))
        }
        page.family(
            "signalbox_predicted_cached_tokens_total",
            .counter,
            "Tokens of prompts that the policy thought to be in the cache of the worker that it picked."
        )
        page.sample("signalbox_predicted_cached_tokens_total", [], token(.predicted))
        page.family(
            "signalbox_predictable_cached_tokens_total",
            .counter,
            "Tokens that were in the cache, of the same requests."
        )
        page.sample("signalbox_predictable_cached_tokens_total", [], token(.predictable))
        page.family("signalbox_access_log_lines_lost_total", .counter, "Lines of the access log that were lost.")
        page.sample("signalbox_access_log_lines_lost_total", [], cells[MetricsLayout.accessLinesLost])
    }

    private func token(_ kind: MetricsLayout.Tokens) -> UInt64 { cells[MetricsLayout.tokens + kind.rawValue] }

    private func count(_ route: MetricsLayout.RequestRoute, _ outcome: MetricsLayout.RequestOutcome) -> UInt64 {
        cells[MetricsLayout.request(route, outcome)]
    }

    private func count(_ route: MetricsLayout.RequestRoute) -> UInt64 {
        MetricsLayout.RequestOutcome.allCases.reduce(UInt64(0)) { $0 &+ count(route, $1) }
    }

    private func histogram(
        _ page: inout PrometheusText,
        _ name: String,
        _ labels: [(String, String)],
        _ first: Int
    ) {
        let counts = (0...bounds.count).map { cells[first + $0] }
        let milliseconds = cells[first + MetricsLayout.histogramSum]
        page.histogram(name, labels, bounds: bounds, counts: counts, sum: Double(milliseconds) / 1000)
    }
}
