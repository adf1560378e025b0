import SignalboxProtocol

extension PodDiscovery {
    /// One pod as a person sees it.
    public struct View: Hashable, Sendable {
        public var reference: PodReference
        /// Nil: registered in an earlier run, and not seen since.
        public var pod: Pod?
        public var state: State
        /// Why it is no worker, or is held; nil for a worker.
        public var reason: String?
        /// Nil for a pod that is no worker.
        public var worker: PodWorker?
    }

    public enum State: String, Hashable, Sendable, CaseIterable {
        /// Registered.
        case worker
        /// Registered, but not routed to.
        case held
        /// Not registered.
        case excluded
    }

    /// All pods by namespace and name.
    public var views: [View] {
        let views = entries.values.map { entry in
            var view = View(reference: entry.reference, pod: entry.pod, state: .excluded)
            switch entry.stage {
            case .registered(let worker): (view.state, view.worker) = (.worker, worker)
            case .held(let worker, _, let reason): (view.state, view.worker, view.reason) = (.held, worker, reason)
            case .outside(let reason), .refused(_, let reason, _): view.reason = reason
            case .dismissed: view.reason = "Its worker was removed by hand; it stays away for as long as the pod lives."
            }
            return view
        }
        return views.sorted {
            ($0.reference.namespace, $0.reference.name, $0.reference.uid)
                < ($1.reference.namespace, $1.reference.name, $1.reference.uid)
        }
    }
}
