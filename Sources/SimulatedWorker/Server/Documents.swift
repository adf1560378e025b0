import Crypto
import NIOCore
import NIOHTTP1

/// The documents of fixed form that the worker shows.
enum Documents {
    /// An error as OpenAI's clients read it.
    static func error(_ status: Int, type: String, _ message: String, field: String? = nil) -> ByteBuffer {
        document { buffer in
            buffer.writeStaticString("{\"object\":\"error\",\"error\":{")
            buffer.writeMember("message", message, isFirst: true)
            buffer.writeMember("type", type)
            buffer.writeStaticString(",\"param\":")
            if let field { buffer.writeJSON(field) } else { buffer.writeStaticString("null") }
            buffer.writeMember("code", status)
            buffer.writeStaticString("}}")
        }
    }

    /// The model cards.
    static func models(of worker: Worker) -> ByteBuffer {
        document { buffer in
            buffer.writeStaticString("{\"object\":\"list\",\"data\":[{")
            buffer.writeMember("id", worker.configuration.model, isFirst: true)
            buffer.writeStaticString(",\"object\":\"model\"")
            buffer.writeMember("created", WallTime.now.seconds)
            buffer.writeStaticString(",\"owned_by\":\"simulated-worker\"")
            buffer.writeMember("root", worker.configuration.model)
            buffer.writeStaticString(",\"parent\":null")
            buffer.writeMember("max_model_len", worker.configuration.modelTokensMax)
            buffer.writeStaticString("}]}")
        }
    }

    static func modelInfo(of worker: Worker) -> ByteBuffer {
        document { buffer in
            buffer.writeStaticString("{")
            buffer.writeMember("model_path", worker.configuration.modelPath, isFirst: true)
            buffer.writeMember("tokenizer_path", worker.configuration.modelPath)
            buffer.writeStaticString(",\"is_generation\":true,\"preferred_sampling_params\":null")
            buffer.writeStaticString(",\"weight_version\":\"default\",\"has_image_understanding\":false")
            buffer.writeStaticString(",\"has_audio_understanding\":false,\"model_type\":\"simulated\"}")
        }
    }

    static func serverInfo(of worker: Worker) -> ByteBuffer {
        let (configuration, load) = (worker.configuration, worker.driver.load)
        return document { buffer in
            buffer.writeStaticString("{")
            buffer.writeMember("model_path", configuration.modelPath, isFirst: true)
            buffer.writeMember("tokenizer_path", configuration.modelPath)
            buffer.writeMember("served_model_name", configuration.model)
            buffer.writeMember("host", configuration.host)
            buffer.writeMember("port", worker.port)
            buffer.writeMember("context_length", configuration.modelTokensMax)
            buffer.writeStaticString(",\"tp_size\":1,\"dp_size\":1,\"pp_size\":1,\"disaggregation_mode\":\"null\"")
            buffer.writeStaticString(",\"is_embedding\":false,\"load_balance_method\":\"round_robin\"")
            if configuration.tellsRunningRequestsMax {
                buffer.writeMember("max_running_requests", configuration.engine.runningRequestsMax)
            }
            buffer.writeMember("page_size", configuration.engine.blockTokens)
            buffer.writeMember("max_total_num_tokens", configuration.engine.cacheTokens)
            buffer.writeStaticString(",\"status\":\"ready\",\"version\":\"simulated\",\"internal_states\":[{")
            buffer.writeMember("last_gen_throughput", load.decodeTokensPerSecond, isFirst: true)
            if configuration.tellsRunningRequestsMax {
                buffer.writeMember("effective_max_running_requests_per_dp", configuration.engine.runningRequestsMax)
            }
            buffer.writeStaticString("}]}")
        }
    }

    /// The load as routers poll it: what is in the engine, and what is served without its timing.
    static func load(of worker: Worker) -> ByteBuffer {
        let load = worker.driver.load
        let inFlight = worker.record { $0.inFlight }
        let requests = max(inFlight, load.running + load.waiting)
        return document { buffer in
            switch worker.configuration.loadFormat {
            case .array:
                buffer.writeStaticString("[{\"dp_rank\":0")
                buffer.writeMember("num_reqs", requests)
                buffer.writeMember("num_waiting_reqs", load.waiting)
                buffer.writeMember("num_tokens", load.tokens)
                buffer.writeStaticString("}]")
            case .object:
                buffer.writeStaticString("{")
                buffer.writeMember("load", requests, isFirst: true)
                buffer.writeStaticString("}")
            }
        }
    }

    /// Metrics in the Prometheus text format, named as SGLang names them.
    static func metrics(of worker: Worker) -> ByteBuffer {
        let load = worker.driver.load
        let (inFlight, hitRate, completed) = worker.record {
            ($0.inFlight, $0.cacheHitRate, $0.completed)
        }
        let gauges: [(name: String, help: String, value: String)] = [
            ("num_running_reqs", "Requests that are served now.", "\(max(0, inFlight - load.waiting))"),
            ("num_queue_reqs", "Requests that wait for their prefill.", "\(load.waiting)"),
            ("num_used_tokens", "Tokens of all requests in the engine.", "\(load.tokens)"),
            ("token_usage", "The part of the prefix cache that is in use.", "\(load.cacheUsage)"),
            ("cache_hit_rate", "The part of the prompt tokens that came from the cache.", "\(hitRate)"),
            ("gen_throughput", "Tokens per second of the last decode step.", "\(load.decodeTokensPerSecond)"),
        ]
        return document { buffer in
            let label = worker.configuration.model.filter { $0 != "\"" && $0 != "\\" && $0 != "\n" }
            for gauge in gauges {
                buffer.writeString("# HELP sglang:\(gauge.name) \(gauge.help)\n# TYPE sglang:\(gauge.name) gauge\n")
                buffer.writeString("sglang:\(gauge.name){model_name=\"\(label)\"} \(gauge.value)\n")
            }
            buffer.writeString("# HELP sglang:num_requests_total Requests that were answered to the end.\n")
            buffer.writeString("# TYPE sglang:num_requests_total counter\n")
            buffer.writeString("sglang:num_requests_total{model_name=\"\(label)\"} \(completed)\n")
        }
    }

    static func statistics(of worker: Worker) -> ByteBuffer {
        let waiting = worker.driver.load.waiting
        let statistics = worker.record { $0 }
        return document { $0.writeJSON(statistics, waiting: waiting, uptime: worker.uptime) }
    }

    static func faults(of worker: Worker) -> ByteBuffer {
        document { buffer in
            buffer.writeStaticString("{\"faults\":[")
            for (position, entry) in worker.faultEntries.enumerated() {
                if position > 0 { buffer.writeStaticString(",") }
                buffer.writeJSON(entry.fault, number: entry.number)
            }
            buffer.writeStaticString("]}")
        }
    }

    /// The request as it arrived, with the SHA-256 of its body.
    static func echo(of exchange: Exchange, body: RequestBody) -> ByteBuffer {
        var bytesReceived = 0
        var hash = SHA256()
        if case .hashed(let received, let bytes) = body { (hash, bytesReceived) = (received, bytes) }
        let digest = hash.finalize()
        return document { buffer in
            buffer.writeStaticString("{")
            buffer.writeMember("method", exchange.head.method.rawValue, isFirst: true)
            buffer.writeMember("target", exchange.head.uri)
            buffer.writeMember("version", "\(exchange.head.version.major).\(exchange.head.version.minor)")
            buffer.writeStaticString(",\"headers\":[")
            for (position, header) in exchange.head.headers.enumerated() {
                buffer.writeStaticString(position > 0 ? ",[" : "[")
                buffer.writeJSON(header.name)
                buffer.writeStaticString(",")
                buffer.writeJSON(header.value)
                buffer.writeStaticString("]")
            }
            buffer.writeStaticString("]")
            buffer.writeMember("body_bytes", bytesReceived)
            buffer.writeStaticString(",\"sha256\":\"")
            for byte in digest {
                buffer.writeInteger(ByteBuffer.hexadecimalDigit(byte >> 4))
                buffer.writeInteger(ByteBuffer.hexadecimalDigit(byte & 15))
            }
            buffer.writeStaticString("\"}")
        }
    }

    /// A plausible answer for a path that the worker does not know.
    static func anything(path: String, of worker: Worker) -> ByteBuffer {
        document { buffer in
            buffer.writeStaticString("{")
            buffer.writeMember("id", worker.nextAnswerID(prefix: "simulated-"), isFirst: true)
            buffer.writeStaticString(",\"object\":\"simulated\"")
            buffer.writeMember("created", WallTime.now.seconds)
            buffer.writeMember("model", worker.configuration.model)
            buffer.writeMember("path", path)
            buffer.writeStaticString(",\"data\":[]}")
        }
    }

    private static func document(_ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var buffer = ByteBuffer()
        write(&buffer)
        return buffer
    }
}
