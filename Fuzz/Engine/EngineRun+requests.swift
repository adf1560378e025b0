/// What workers got, compared with what clients sent, by an independent reader of both.
extension EngineRun {
    func checkRequests() {
        let requests = network.connections.map { $0.isUpstream ? [] : PlainRequest.readAll($0.delivered) }
        for (place, client) in network.connections.enumerated() where !client.isUpstream {
            require(client.requestsBegun <= requests[place].count, "a request was accepted that is none")
        }
        for upstream in network.connections where upstream.isUpstream {
            var rest = upstream.sent[...]
            for assignment in upstream.assignments where !rest.isEmpty {
                let asked = requests[network.place(assignment.client)][assignment.number - 1]
                let sent = read(rest, to: upstream)
                compare(sent, with: asked)
                rest = rest.dropFirst(sent.head.count)
                guard case .complete(_, let count) = sent.body else {
                    rest = []
                    break
                }
                rest = rest.dropFirst(count)
            }
            require(rest.isEmpty, "bytes behind the last request: \(shown(rest))")
        }
    }

    private func read(_ bytes: ArraySlice<UInt8>, to upstream: FuzzConnection) -> PlainRequest {
        guard case .request(let request) = PlainRequest.read(bytes) else {
            finding("a worker got no valid request: \(shown(bytes))")
        }
        require(request.minorVersion == 1, "a worker got a request of HTTP/1.0")
        require(request.head.values("host").count == 1, "a worker got no Host")
        let isAdmin = upstream.address == .unix("/admin")
        let sources = request.head.values("x-signalbox-source-address").map { String(decoding: $0, as: UTF8.self) }
        require(sources == (isAdmin ? ["127.0.0.1"] : []), "source address: \(sources), of \(shown(bytes))")
        for field in request.head.fields where PlainHead.hopByHop.contains(field.name) {
            let isOurs = ["content-length", "transfer-encoding", "x-signalbox-source-address"].contains(field.name)
            require(isOurs, "'\(field.name)' was passed on")
        }
        return request
    }

    private func compare(_ sent: PlainRequest, with asked: PlainRequest) {
        require(sent.method == asked.method, "\(sent.method) was sent, \(asked.method) was asked")
        require(sent.target == asked.target || sent.target == "/base" + asked.target, "target \(sent.target)")
        let rewritten: Set = ["host", "expect", "via", "x-forwarded-for", "x-forwarded-proto"]
        let fields = sent.head.endToEnd(without: rewritten)
        require(fields == asked.head.endToEnd(without: rewritten), "other fields were sent: \(fields)")

        let content = asked.body.content
        switch (asked.framing, sent.framing) {
        case (.none, .none), (.chunked, .chunked): break
        case (.length(let one), .length(let other)): require(one == other, "the length became \(other)")
        case (.chunked, .length(let length)):
            require(asked.body.isComplete && content.count == length, "a chunked body became \(length) bytes")
        default: finding("framing \(asked.framing) became \(sent.framing)")
        }
        require(content.starts(with: sent.body.content), "other content was sent: \(shown(sent.body.content))")
        if case .invalid = sent.body { finding("the chunks that were sent are not valid") }
        guard sent.body.isComplete else { return }
        require(asked.body.isComplete, "a part of a body was sent as a whole")
        require(sent.body.content == content, "a part of the content was sent as a whole")
    }
}
