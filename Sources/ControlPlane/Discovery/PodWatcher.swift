import ControlPlaneCore
import Logging
import Synchronization
import Telemetry

/// Runs one watch for as long as its task lives.
struct PodWatcher: Sendable {
    /// A watch that lasted less and said nothing was no watch.
    private static let usefulDuration = Duration.seconds(1)

    let index: Int
    let selector: LabelSelector
    let api: KubernetesAPI
    let status: DiscoveryStatus
    let logger: Logger
    let tell: @Sendable (DiscoveryInput) -> Void

    func run() async {
        var state = PodWatchState()
        while !Task.isCancelled {
            if state.waitMilliseconds > 0 {
                try? await Task.sleep(for: .milliseconds(state.waitMilliseconds))
                guard !Task.isCancelled else { return }
            }
            switch state.step {
            case .list(let continuation): await list(continuation, &state)
            case .watch(let version): await watch(version, &state)
            }
        }
    }

    private func list(_ continuation: String?, _ state: inout PodWatchState) async {
        switch await api.list(selector, continuation: continuation) {
        case .success(let page):
            status.unreadable(page.unreadable)
            guard let pods = state.received(page) else { return }
            if status.listed(index, at: Timestamp.nowMilliseconds()) {
                logger.notice(
                    "Pods are listed and watched.",
                    metadata: ["selector": "\(selector)", "pods": "\(pods.count)"]
                )
            }
            tell(.listed(pods, by: index))
        case .failure(let failure):
            fail(failure, &state)
        }
    }

    private func watch(_ version: String, _ state: inout PodWatchState) async {
        let began = ContinuousClock.now
        let heard = HeardEvents()
        status.watching(index)
        let failure = await api.watch(selector, from: version) { event in
            heard.take(event)
            switch event {
            case .applied, .deleted:
                status.heard(index, at: Timestamp.nowMilliseconds())
                tell(.event(event, by: index))
            case .bookmark: status.heard(index, at: Timestamp.nowMilliseconds())
            case .failed: break
            case .unreadable(let reason):
                status.unreadable(1)
                logger.warning("\(reason)")
            }
        }
        guard !Task.isCancelled else { return }
        if let version = heard.version { state.heard(upTo: version) }
        status.watchEnded(index)
        if let ending = heard.failure {
            fail(ending, &state)
        } else if let failure {
            fail(failure, &state, wasWatching: true)
        } else {
            let isLong = ContinuousClock.now - began >= PodWatcher.usefulDuration
            state.ended(wasUseful: isLong || heard.version != nil, spread: .random(in: 0...1))
        }
    }

    private func fail(_ failure: KubernetesFailure, _ state: inout PodWatchState, wasWatching: Bool = false) {
        state.failed(status: failure.status, spread: .random(in: 0...1))
        // That an old state is forgotten is how watches work.
        guard failure.status != 410 else { return }
        // Nor is a connection that breaks anything but usual, if the list after it succeeds.
        if wasWatching && failure.status == nil {
            logger.info("A watch of pods broke; they are listed again.", metadata: ["reason": "\(failure.message)"])
            return
        }
        if status.failed(index, failure.message, at: Timestamp.nowMilliseconds()) {
            logger.error(
                "Kubernetes cannot be watched; the workers stay as they are, and it is tried again.",
                metadata: ["selector": "\(selector)", "reason": "\(failure.message)"]
            )
        }
    }
}

/// What one watch has said so far; written on the thread of the HTTP client.
private final class HeardEvents: Sendable {
    private let state = Mutex<(version: String?, failure: KubernetesFailure?)>((nil, nil))

    func take(_ event: PodWatchEvent) {
        state.withLock { state in
            switch event {
            case .applied(_, let version), .deleted(_, let version), .bookmark(let version):
                if !version.isEmpty { state.version = version }
            case .failed(let status, let message):
                state.failure = KubernetesFailure(status: status, message: "The API server ended a watch: \(message).")
            case .unreadable: break
            }
        }
    }

    /// The last state that it told of.
    var version: String? { state.withLock { $0.version } }
    /// Why the server ended it.
    var failure: KubernetesFailure? { state.withLock { $0.failure } }
}
