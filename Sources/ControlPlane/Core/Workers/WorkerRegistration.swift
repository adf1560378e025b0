public import SignalboxProtocol

/// A worker that somebody wants added, checked as far as that goes without asking the database.
public struct WorkerRegistration: Hashable, Sendable {
    public var url: WorkerURL
    public var urlGiven: String
    public var source: WorkerSource
    public var properties: WorkerProperties
    public var modelGiven: String?
    public var role = WorkerRole.regular
    public var pod: PodReference?
    public var bootstrapPort: Int?

    /// Reads the URL; the error is a sentence for the person who wrote it.
    public init(
        url text: String,
        source: WorkerSource,
        properties: WorkerProperties = WorkerProperties()
    ) throws(WorkerRegistrationError) {
        do {
            url = try WorkerURL(text)
        } catch {
            throw .url(error)
        }
        guard url.scheme == .http else { throw .transportSecurity }
        urlGiven = text
        self.source = source
        self.properties = properties
    }

    /// The worker that a pod is.
    public init(_ worker: PodWorker, of pod: PodReference) {
        url = worker.url
        urlGiven = worker.url.description
        source = .kubernetes
        properties = WorkerProperties(
            weight: worker.weight,
            labels: ["kubernetes.namespace": pod.namespace, "kubernetes.pod": pod.name]
        )
        modelGiven = worker.model
        role = worker.role
        self.pod = pod
        bootstrapPort = worker.bootstrapPort
    }

    static let fieldNames: Set<String> = WorkerChange.fieldNames.union(
        ["url", "model_id", "worker_type", "bootstrap_port", "runtime", "dp_aware"]
            + ["tokenizer_path", "reasoning_parser", "tool_parser", "chat_template", "max_connection_attempts"]
    )

    /// Reads the body of `POST /workers`. Fields of the original that have no effect here are checked for their type.
    public init(body: JSONValue) throws(WorkerRegistrationError) {
        let text: String
        let properties: WorkerProperties
        let model: String?
        do throws(WorkerFieldError) {
            let fields = try WorkerFields(body, known: WorkerRegistration.fieldNames)
            guard let url = try fields.text("url", bytesMax: .max) else {
                throw WorkerFieldError(message: "missing field `url`")
            }
            text = url
            properties = try WorkerChange(fields: fields).applied(to: WorkerProperties())
            model = try fields.text("model_id", bytesMax: WorkerLimits.modelBytesMax)
            try WorkerRegistration.checkFieldsWithoutEffect(fields)
        } catch {
            throw .field(error)
        }
        try self.init(url: text, source: .api, properties: properties)
        modelGiven = model
    }

    private static func checkFieldsWithoutEffect(_ fields: WorkerFields) throws(WorkerFieldError) {
        let role = try fields.text("worker_type", bytesMax: 64) ?? WorkerRole.regular.rawValue
        guard role == WorkerRole.regular.rawValue else {
            throw WorkerFieldError(message: "Field `worker_type` must be `regular`; other roles are not supported yet.")
        }
        guard try fields.boolean("dp_aware") != true else {
            throw WorkerFieldError(message: "Field `dp_aware` must be false; it is not supported yet.")
        }
        _ = try fields.integer("bootstrap_port", in: 1...65_535)
        _ = try fields.integer("max_connection_attempts", in: 0...1_000_000)
        for name in ["runtime", "tokenizer_path", "reasoning_parser", "tool_parser", "chat_template"] {
            _ = try fields.text(name, bytesMax: 4096)
        }
    }
}

/// Why a worker cannot be added, whatever the database holds.
public enum WorkerRegistrationError: Error, Hashable, Sendable, CustomStringConvertible {
    case url(WorkerURLError)
    /// The URL begins with `https`.
    case transportSecurity
    case field(WorkerFieldError)

    public var description: String {
        switch self {
        case .url(let error): error.description
        case .transportSecurity: "Worker URL has the scheme 'https'; TLS to workers is not supported yet, use http."
        case .field(let error): error.description
        }
    }
}
