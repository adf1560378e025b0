/// What clients got, compared with what workers sent, by an independent reader of both.
extension EngineRun {
    func checkAnswers() {
        var marks: Set<String> = []
        for client in network.connections where !client.isUpstream {
            let requests = PlainRequest.readAll(client.delivered)
            var rest = client.sent[...]
            var number = 0
            while !rest.isEmpty {
                let request = number < requests.count ? requests[number] : nil
                let answer = read(rest, to: request)
                rest = rest.dropFirst(answer.head.count)
                guard answer.status >= 200 else {
                    require(answer.status == 100, "an interim answer \(answer.status)")
                    continue
                }
                number += 1
                require(number <= requests.count + 1, "more answers than requests: \(shown(client.sent))")
                if let mark = answer.head.values("x-answer").first.map({ String(decoding: $0, as: UTF8.self) }),
                    let (worker, sent) = answered(mark)
                {
                    require(marks.insert(mark).inserted, "one answer came twice")
                    let expected = FuzzConnection.Assignment(client: client.id, number: number)
                    require(
                        sent.assignment == expected,
                        "an answer went to request \(number) of another client or of none"
                    )
                    let original = original(for: expected, of: worker, isAnswerToHead: request?.method == "HEAD")
                    compare(answer, client, with: original, of: worker)
                }
                guard case .complete(_, let count) = answer.body else {
                    if case .invalid = answer.body { finding("the chunks of an answer are not valid") }
                    rest = []
                    break
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    private func read(_ bytes: ArraySlice<UInt8>, to request: PlainRequest?) -> PlainResponse {
        guard case .response(let answer) = PlainResponse.read(bytes, isAnswerToHead: request?.method == "HEAD") else {
            finding("a client got no valid answer: \(shown(bytes))")
        }
        for field in answer.head.fields where PlainHead.hopByHop.contains(field.name) {
            let isOurs = ["connection", "content-length", "transfer-encoding"].contains(field.name)
            require(isOurs, "'\(field.name)' was passed on")
        }
        if request?.minorVersion == 0 {
            require(answer.framing != .known(.chunked), "a client of HTTP/1.0 got chunks")
        }
        return answer
    }

    private func answered(_ mark: String) -> (FuzzConnection, FuzzConnection.Answer)? {
        for worker in network.connections where worker.isUpstream {
            if let answer = worker.answers.first(where: { $0.mark == mark }) { return (worker, answer) }
        }
        return nil
    }

    /// The worker's final answer to a request, interim ones passed over.
    private func original(
        for assignment: FuzzConnection.Assignment,
        of worker: FuzzConnection,
        isAnswerToHead: Bool
    ) -> PlainResponse {
        guard let place = worker.assignments.firstIndex(of: assignment) else { finding("nobody asked the worker") }
        var rest = worker.delivered[worker.assignmentStarts[place]...]
        while true {
            guard case .response(let answer) = PlainResponse.read(rest, isAnswerToHead: isAnswerToHead) else {
                finding("an answer was passed on that is none: \(shown(rest))")
            }
            guard answer.status < 200 else { return answer }
            rest = rest.dropFirst(answer.head.count)
        }
    }

    /// A client may see a part of an answer, but only as a part.
    private func compare(
        _ got: PlainResponse,
        _ client: FuzzConnection,
        with original: PlainResponse,
        of worker: FuzzConnection
    ) {
        require(got.statusText == original.statusText, "the status became \(shown(got.statusText))")
        let fields = got.head.endToEnd(without: [])
        require(fields == original.head.endToEnd(without: []), "other fields came: \(fields)")
        if got.framing == .known(.none) { return }

        let content = got.body.content
        let isWhole = original.framing == .untilClose ? worker.isEndDelivered : original.body.isComplete
        let looksWhole = got.framing == .untilClose ? client.closed == .graceful : got.body.isComplete
        if content == original.body.content && isWhole { return }
        let event = content.withErrorEventRemoved
        require(
            !looksWhole || got.framing == .untilClose && event != nil,
            "a part of an answer looks like a whole one: \(shown(content)) of \(shown(original.body.content))"
        )
        if original.body.content.starts(with: content) { return }
        guard let before = event, original.body.content.starts(with: before) else {
            finding("other content came: \(shown(content)), not \(shown(original.body.content))")
        }
        require(before.endsBetweenEvents, "an event was added within another one: \(shown(content))")
    }
}

extension [UInt8] {
    /// What stands before the error event that a proxy adds to a stream; nil when there is none.
    fileprivate var withErrorEventRemoved: [UInt8]? {
        let text = String(decoding: self, as: UTF8.self)
        let starts = ["data: {\"error\":", "event: error\n"].compactMap { text.ranges(of: $0).last?.lowerBound }
        guard let start = starts.min(), text.hasSuffix("\n\n") else { return nil }
        return Array(text[..<start].utf8)
    }

    /// Whether an empty line ends the bytes, or there are none.
    fileprivate var endsBetweenEvents: Bool {
        let lines = String(decoding: self, as: UTF8.self).replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        return lines.isEmpty || lines == "\n" || lines.hasSuffix("\n\n")
    }
}
