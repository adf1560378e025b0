import ControlPlaneCore
import HTTPTypes
import Hummingbird
import NIOCore
import SignalboxProtocol

/// An answer to a request that cannot be fulfilled, in the shape of the original: `{"error": sentence, "code": code}`.
struct AdminError: Error, Hashable {
    var status: HTTPResponse.Status
    var code: String
    var message: String

    init(_ status: HTTPResponse.Status, code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static func badRequest(_ message: String) -> AdminError {
        AdminError(.badRequest, code: "BAD_REQUEST", message)
    }

    static func unprocessable(_ message: String) -> AdminError {
        AdminError(.unprocessableContent, code: "UNPROCESSABLE_ENTITY", message)
    }

    static func notFound(_ message: String) -> AdminError {
        AdminError(.notFound, code: "NOT_FOUND", message)
    }

    /// The one table from errors of the services to answers; nil for an error that nobody expected.
    init?(_ error: any Error) {
        switch error {
        case let error as AdminError: self = error
        case let error as WorkerRegistrationError: self.init(registration: error)
        case let error as WorkerFieldError: self = .unprocessable(error.description)
        case let error as SettingError: self = .unprocessable(error.description)
        case let error as WorkerReferenceError: self = .badRequest(error.description)
        case let error as WorkerAdditionError: self.init(addition: error)
        case let error as StoreError: self.init(store: error)
        case is NIOTooManyBytesError:
            let limit = AdminContext.bodyBytesMax
            self.init(.contentTooLarge, code: "PAYLOAD_TOO_LARGE", "The body has more than \(limit) bytes.")
        case let error as HTTPError where error.status == .notFound:
            self = .notFound("There is no such path in the admin API.")
        case let error as any HTTPResponseError where error.status.code < 500:
            self.init(error.status, code: "BAD_REQUEST", "The request cannot be read.")
        case is CancellationError:
            self.init(.serviceUnavailable, code: "STOPPING", "The control plane stops; nothing was changed.")
        default: return nil
        }
    }

    private init(registration error: WorkerRegistrationError) {
        switch error {
        case .url, .transportSecurity: self = .badRequest(error.description)
        case .field: self = .unprocessable(error.description)
        }
    }

    private init(addition error: WorkerAdditionError) {
        switch error {
        case .exists: self.init(.conflict, code: "WORKER_ALREADY_EXISTS", error.description)
        case .timedOut, .cancelled: self.init(.badRequest, code: "WORKER_NOT_READY", error.description)
        }
    }

    private init(store error: StoreError) {
        switch error {
        case .workerExists(let id):
            self.init(.conflict, code: "WORKER_ALREADY_EXISTS", "Worker \(id) already exists")
        case .workerNotFound(let reference):
            let name =
                switch reference {
                case .id(let id): id.description
                case .url(let url): url.description
                }
            self.init(.notFound, code: "WORKER_NOT_FOUND", "Worker \(name) not found")
        case .workerFollowsPod(let id):
            self.init(
                .conflict,
                code: "WORKER_FOLLOWS_POD",
                "Worker \(id) belongs to a pod; it cannot be activated, but its URL can be added again."
            )
        case .policyNotFound(let model):
            self.init(.notFound, code: "POLICY_NOT_FOUND", "Model '\(model)' has no policy of its own.")
        case .settingsNotFound(let model):
            self.init(.notFound, code: "SETTINGS_NOT_FOUND", "Model '\(model)' has no settings of its own.")
        case .modelNotKnown(let model):
            self.init(
                .notFound,
                code: "MODEL_NOT_FOUND",
                "The model '\(model)' is not remembered; GET /models lists those that are."
            )
        case .modelServed(let model, let workers):
            self.init(
                .conflict,
                code: "MODEL_SERVED",
                "\(workers) worker\(workers == 1 ? " serves" : "s serve") the model '\(model)'; remove them first."
            )
        case .invalid(let sentences): self = .unprocessable(sentences.joined(separator: " "))
        case .diskFull:
            self.init(
                HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"),
                code: "DISK_FULL",
                "The disk of the database is full; nothing was changed. Make room, then ask again."
            )
        case .storage(let sentence): self.init(.serviceUnavailable, code: "DATABASE_UNUSABLE", sentence)
        case .workersMaxReached:
            self.init(.conflict, code: "TOO_MANY_WORKERS", "No more workers can be added; remove some first.")
        }
    }
}
