import SignalboxProtocol

/// Whether a pod is a worker now. Reasons are sentences for a person.
public enum PodVerdict: Hashable, Sendable {
    case worker(PodWorker)
    /// It may become one again without being another one: it is not ready, or has no address yet.
    case notReady(reason: String)
    /// It is none.
    case excluded(reason: String)

    public init(_ pod: Pod, _ rules: DiscoveryRules) {
        guard let selector = rules.selectors.first(where: { $0.labels.matches(pod.labels) }) else {
            self = .excluded(reason: "Its labels match no selector.")
            return
        }
        if pod.isTerminating {
            self = .excluded(reason: "It is terminating.")
        } else if pod.phase == "Failed" || pod.phase == "Succeeded" {
            self = .excluded(reason: "Its phase is \(pod.phase).")
        } else if pod.phase != "Running" {
            self = .notReady(reason: "Its phase is \(pod.phase.prefix(64)), not Running.")
        } else if !pod.isReady {
            self = .notReady(reason: "Its condition Ready is not True.")
        } else if let address = pod.address {
            do throws(PodSettingError) {
                self = .worker(try PodVerdict.worker(pod, at: address, selector.role, rules))
            } catch {
                self = .excluded(reason: error.reason)
            }
        } else {
            self = .notReady(reason: "It has no IP address.")
        }
    }

    private static func worker(
        _ pod: Pod,
        at address: String,
        _ selected: WorkerRole,
        _ rules: DiscoveryRules
    ) throws(PodSettingError) -> PodWorker {
        let host = address.contains(":") ? "[\(address)]" : address
        let port = try port(of: pod, rules)
        let url: WorkerURL
        do {
            url = try WorkerURL("http://\(host):\(port)")
        } catch {
            throw PodSettingError(reason: "Its address '\(address.prefix(64))' makes no worker: \(error)")
        }
        var worker = PodWorker(url: url, role: selected)
        if let text = PodSetting.role.text(of: pod) {
            guard let role = WorkerRole(rawValue: text) else {
                throw PodSettingError(.role, text, "must be regular, prefill or decode")
            }
            worker.role = role
        }
        if let text = PodSetting.weight.text(of: pod) {
            guard let weight = Int(text), (1...SnapshotWorker.weightMax).contains(weight) else {
                throw PodSettingError(.weight, text, "must be from 1 to \(SnapshotWorker.weightMax)")
            }
            worker.weight = weight
        }
        if let text = PodSetting.model.text(of: pod) {
            guard (1...WorkerLimits.modelBytesMax).contains(text.utf8.count) else {
                throw PodSettingError(.model, text, "must have 1 to \(WorkerLimits.modelBytesMax) bytes")
            }
            worker.model = text
        }
        if worker.role == .prefill {
            // As in the original, one that cannot be read counts as none.
            worker.bootstrapPort = PodSetting.bootstrapPort.text(of: pod).flatMap { UInt16($0) }.map(Int.init)
        }
        return worker
    }

    private static func port(of pod: Pod, _ rules: DiscoveryRules) throws(PodSettingError) -> Int {
        if let text = PodSetting.port.text(of: pod) {
            if let port = pod.namedPorts[text] { return port }
            guard let port = Int(text), (1...65_535).contains(port) else {
                throw PodSettingError(.port, text, "must be from 1 to 65535, or the name of a container port")
            }
            return port
        }
        guard let name = rules.portName else { return rules.port }
        guard let port = pod.namedPorts[name] else {
            throw PodSettingError(
                reason: "It has no container port with the name '\(name)' (--service-discovery-port-name)."
            )
        }
        return port
    }
}

/// Something that a pod says of itself cannot be taken.
private struct PodSettingError: Error {
    var reason: String

    init(reason: String) {
        self.reason = reason
    }

    init(_ setting: PodSetting, _ text: String, _ rule: String) {
        reason = "Its \(setting.rawValue) is '\(text.prefix(64))'; it \(rule)."
    }
}
