public import SignalboxProtocol

/// The families that tell what workers do, the same for one data plane and for all together.
public struct WorkerMetrics {
    /// What is known of a worker.
    public struct Figures {
        public var url: String
        /// It may get requests.
        public var isReady: Bool
        /// Its requests in flight.
        public var inFlight: Int
        /// What was counted of it, in the order of ``MetricsLayout/WorkerCell``; empty: nothing.
        public var cells: [UInt64]
        /// Data planes by the state of their breaker for it.
        public var breakers: [BreakerState: Int]
        /// The least of the limits that were learned for it; 0: none.
        public var learnedLimit: Int

        public init(
            url: String,
            isReady: Bool,
            inFlight: Int,
            cells: [UInt64],
            breakers: [BreakerState: Int],
            learnedLimit: Int
        ) {
            self.url = url
            self.isReady = isReady
            self.inFlight = inFlight
            self.cells = cells
            self.breakers = breakers
            self.learnedLimit = learnedLimit
        }

        fileprivate func counted(_ cell: MetricsLayout.WorkerCell) -> UInt64 {
            cell.index < cells.count ? cells[cell.index] : 0
        }
    }

    private let workers: [Figures]

    /// - Parameter workers: one for each URL.
    public init(_ workers: [Figures]) {
        self.workers = workers
    }

    public func write(_ page: inout PrometheusText) {
        loads(&page)
        counts(&page)
        failures(&page)
    }

    private func loads(_ page: inout PrometheusText) {
        let ready = workers.filter(\.isReady)
        page.family("sgl_router_active_workers", .gauge, "Workers that may get requests.")
        page.sample("sgl_router_active_workers", [], ready.count)
        page.family("sgl_router_max_load", .gauge, "Requests in flight at the busiest of them.")
        page.sample("sgl_router_max_load", [], ready.map(\.inFlight).max() ?? 0)
        page.family("sgl_router_min_load", .gauge, "Requests in flight at the least busy of them.")
        page.sample("sgl_router_min_load", [], ready.map(\.inFlight).min() ?? 0)
        gauge(&page, "sgl_router_running_requests", "Requests in flight at a worker.", \.inFlight)
        gauge(&page, "sgl_router_worker_load", "Requests in flight at a worker.", \.inFlight)
        gauge(&page, "sgl_router_worker_health", "1 for a worker that is healthy.") { $0.isReady ? 1 : 0 }
    }

    private func counts(_ page: inout PrometheusText) {
        page.family(
            "sgl_router_processed_requests_total",
            .counter,
            "Requests that were sent to a worker, every attempt."
        )
        for worker in workers {
            let sent = PolicyName.allCases.indices.reduce(worker.counted(.questions)) {
                $0 &+ worker.counted(.picks($1))
            }
            page.sample("sgl_router_processed_requests_total", [("worker", worker.url)], sent)
        }
        page.family("sgl_router_policy_decisions_total", .counter, "Those that a policy sent to a worker, by policy.")
        for worker in workers {
            for (number, policy) in PolicyName.allCases.enumerated() {
                let picks = worker.counted(.picks(number))
                // A worker has rarely met more than one policy.
                guard picks > 0 else { continue }
                let labels = [("policy", policy.rawValue), ("worker", worker.url)]
                page.sample("sgl_router_policy_decisions_total", labels, picks)
            }
        }
    }

    private func failures(_ page: inout PrometheusText) {
        page.family("signalbox_worker_failures_total", .counter, "Attempts that failed by the fault of a worker.")
        for worker in workers {
            page.sample("signalbox_worker_failures_total", [("worker", worker.url)], worker.counted(.failures))
        }
        gauge(&page, "signalbox_worker_breakers_open", "Data planes that send a worker nothing, or only trials.") {
            $0.breakers[.open, default: 0] + $0.breakers[.halfOpen, default: 0]
        }
        page.family("signalbox_worker_breakers", .gauge, "Data planes by the state of their breaker for a worker.")
        for worker in workers {
            for state in BreakerState.allCases {
                let labels = [("worker", worker.url), ("state", state.rawValue)]
                page.sample("signalbox_worker_breakers", labels, worker.breakers[state, default: 0])
            }
        }
        gauge(
            &page,
            "signalbox_worker_learned_limit",
            "The least of the limits that data planes have learned for a worker that says none; 0: no limit.",
            \.learnedLimit
        )
    }

    private func gauge(_ page: inout PrometheusText, _ name: String, _ help: String, _ value: (Figures) -> Int) {
        page.family(name, .gauge, help)
        for worker in workers { page.sample(name, [("worker", worker.url)], value(worker)) }
    }
}
