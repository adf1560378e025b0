/// What a change was, as the `action` column of the audit trail names it.
public enum AuditAction: String, Hashable, Sendable, CaseIterable {
    case workerAdded = "worker.added"
    case workerDraining = "worker.draining"
    case workerCut = "worker.cut"
    case workerActivated = "worker.activated"
    case workerRemoved = "worker.removed"
    case workerUpdated = "worker.updated"
    case workerReady = "worker.ready"
    case workerModels = "worker.models"
    case epochRenewed = "epoch.renewed"
    case policySet = "policy.set"
    case policyRemoved = "policy.removed"
    case settingsSet = "settings.set"
    case settingsRemoved = "settings.removed"
    case modelForgotten = "model.forgotten"
}
