import ControlPlaneCore
import Logging
import Synchronization
import Telemetry

/// Runs one watch for as long as its task lives.
struct PodWatcher: Sendable {
    /// A watch that lasted less and said nothing new was no watch.
    private static let usefulDuration = Duration.seconds(1)
    /// From so many failures in a row on also what is usual is reported.
    private static let unusualFailures = 3

    let index: Int
    let selector: LabelSelector
    let api: KubernetesAPI
    let status: DiscoveryStatus
    let logger: Logger
    /// Returns false for an event for which there is no room now.
    let tell: @Sendable (DiscoveryInput) -> Bool

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
            let failures = state.failures
            guard let pods = state.received(page, spread: .random(in: 0...1)) else {
                if state.failures > failures {
                    report(KubernetesFailure(status: nil, message: "The list of pods has no end."))
                }
                return
            }
            if status.listed(index, isWatchFailing: state.watchFailures > 1, at: Timestamp.nowMilliseconds()) {
                logger.notice(
                    "Pods are listed and watched.",
                    metadata: ["selector": "\(selector)", "pods": "\(pods.count)"]
                )
            }
            _ = tell(.listed(pods, by: index))
        case .failure(let failure):
            state.failed(status: failure.status, spread: .random(in: 0...1))
            // That an old state is forgotten is how lists and watches work, once.
            if failure.status != 410 || state.failures > 1 { report(failure) }
        }
    }

    private func watch(_ version: String, _ state: inout PodWatchState) async {
        let began = ContinuousClock.now
        let heard = HeardEvents()
        status.watching(index)
        // Ends with the watch: what a watch that is over would say then is said below. One after a failure has to say something.
        let isProven = state.watchFailures == 0
        let lasting = Task {
            try? await Task.sleep(for: PodWatcher.usefulDuration)
            if !Task.isCancelled, isProven || heard.version != nil { status.watchLasts(index) }
        }
        let ending = await api.watch(selector, from: version) { event in
            heard.take(event)
            switch event {
            case .applied, .deleted:
                status.heard(index, at: Timestamp.nowMilliseconds())
                guard tell(.event(event, by: index)) else {
                    heard.fellBehind()
                    return false
                }
            case .bookmark: status.heard(index, at: Timestamp.nowMilliseconds())
            case .failed:
                // Nothing comes after it, also where something on the way keeps the connection open.
                return false
            case .unreadable:
                status.unreadable(1)
                // What it told is lost unless everything is listed again.
                return false
            }
            return true
        }
        lasting.cancel()
        guard !Task.isCancelled else { return }
        let hasNews = heard.version.map { $0 != version } ?? false
        if hasNews, let version = heard.version { state.heard(upTo: version) }
        let failure = heard.failure ?? ending
        // An API server that is quiet still sends bookmarks.
        let isMute = failure?.isSilence == true && heard.version == nil
        let isUseful = hasNews || !isMute && ContinuousClock.now - began >= PodWatcher.usefulDuration
        status.watchEnded(index, wasUseful: failure == nil && isUseful)
        guard let failure else {
            state.ended(wasUseful: isUseful, spread: .random(in: 0...1))
            if state.failures >= PodWatcher.unusualFailures {
                report(KubernetesFailure(status: nil, message: "Watches of pods end at once, and tell nothing new."))
            }
            return
        }
        state.failed(status: failure.status, wasUseful: isUseful, spread: .random(in: 0...1))
        // A state that is forgotten and a connection that breaks are nothing unusual, if watches work in between.
        if (failure.status == 410 || failure.status == nil) && state.failures < PodWatcher.unusualFailures {
            logger.info("A watch of pods ended; they are listed again.", metadata: ["reason": "\(failure.message)"])
        } else {
            report(failure)
        }
    }

    private func report(_ failure: KubernetesFailure) {
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
            case .unreadable(let reason): state.failure = KubernetesFailure(status: nil, message: reason)
            }
        }
    }

    /// There was no room for an event: what it told is in the list that follows.
    func fellBehind() {
        state.withLock { state in
            state.failure = KubernetesFailure(
                status: nil,
                message: "More events of pods wait than there is room for; the pods are listed again."
            )
        }
    }

    /// The last state that it told of.
    var version: String? { state.withLock { $0.version } }
    /// Why the server ended it.
    var failure: KubernetesFailure? { state.withLock { $0.failure } }
}
