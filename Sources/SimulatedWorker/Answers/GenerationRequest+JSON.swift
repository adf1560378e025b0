extension GenerationRequest {
    /// Reads the request for `kind`; what the worker does not know is ignored, as a real worker has many more fields.
    init(
        _ document: JSONValue,
        kind: AnswerKind,
        standardModel: String,
        blockTokens: Int
    ) throws(RequestError) {
        guard case .object = document else { throw RequestError("body", "The body must be a JSON object.") }
        self.init(model: document["model"]?.stringValue ?? standardModel, prompts: [])
        var reader = PromptReader(blockTokens: blockTokens)
        try reader.read(document, kind: kind)
        prompts = reader.prompts.map(Prompt.init)
        isBatch = reader.isBatch
        documents = reader.documents

        let parameters = kind == .generate ? document["sampling_params"] ?? .null : document
        try readLimits(parameters, kind: kind)
        streams = kind.canStream && (document["stream"]?.boolValue ?? false)
        streamsUsage = document["stream_options"]?["include_usage"]?.boolValue ?? false
        usesBase64 = document["encoding_format"]?.stringValue == "base64"
        if let dimensions = document["dimensions"], !dimensions.isNull {
            self.dimensions = try GenerationRequest.integer("dimensions", dimensions, 1...65_536)
        }
        if let pacing = document["simulated"], !pacing.isNull { self.pacing = try Pacing(pacing) }
        guard prompts.count * choices <= GenerationRequest.samplesMax else {
            throw RequestError(
                "n",
                "The request asks for more than \(GenerationRequest.samplesMax) answers; send fewer prompts or choices."
            )
        }
    }

    private mutating func readLimits(_ parameters: JSONValue, kind: AnswerKind) throws(RequestError) {
        guard kind.generatesText else {
            outputTokens = 1
            return
        }
        for name in ["max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_tokens"] {
            guard let value = parameters[name], !value.isNull else { continue }
            outputTokens = max(
                1,
                try GenerationRequest.integer(name, value, 0...GenerationRequest.outputTokensMax)
            )
            isLimited = true
            break
        }
        if kind != .response, kind != .message, let choices = parameters["n"], !choices.isNull {
            self.choices = try GenerationRequest.integer("n", choices, 1...128)
        }
    }

    fileprivate static func integer(
        _ name: String,
        _ value: JSONValue,
        _ bounds: ClosedRange<Int>
    ) throws(RequestError) -> Int {
        guard let number = value.integerValue, bounds.contains(number) else {
            throw RequestError(
                name,
                "The field '\(name)' must be a whole number from \(bounds.lowerBound) to \(bounds.upperBound)."
            )
        }
        return number
    }
}

extension GenerationRequest.Pacing {
    /// Reads the `simulated` member; what is missing is one event, no interval, 8 bytes.
    init(_ document: JSONValue) throws(RequestError) {
        guard case .object = document else {
            throw RequestError("simulated", "The field 'simulated' must be an object such as {\"events\": 10}.")
        }
        func member(_ name: String, _ bounds: ClosedRange<Int>, standard: Int) throws(RequestError) -> Int {
            guard let value = document[name], !value.isNull else { return standard }
            return try GenerationRequest.integer("simulated.\(name)", value, bounds)
        }
        events = try member("events", 0...1_000_000, standard: 1)
        bytes = try member("bytes", 0...1_048_576, standard: 8)
        if let value = document["interval_ms"], !value.isNull {
            guard let milliseconds = value.numberValue, (0...3_600_000).contains(milliseconds) else {
                throw RequestError(
                    "simulated.interval_ms",
                    "The field 'simulated.interval_ms' must be a number from 0 to 3600000."
                )
            }
            interval = .microseconds(Int64(milliseconds * 1000))
        } else {
            interval = .zero
        }
    }
}
