extension MicroBenchmark {
    /// JSON bodies of requests, read once from beginning to end.
    static var scans: [MicroBenchmark] {
        [
            scan("200-bytes", SampleBodies.chat(contentBytes: 100, of: SampleBodies.plainText)),
            scan("4k-escapes", SampleBodies.chat(contentBytes: 4_000, of: SampleBodies.escapedText)),
            scan("4k-prose", SampleBodies.chat(contentBytes: 4_000, of: SampleBodies.proseText)),
            scan("64k-escapes", SampleBodies.chat(contentBytes: 65_000, of: SampleBodies.escapedText)),
            scan("64k-chinese", SampleBodies.chat(contentBytes: 65_000, of: SampleBodies.chineseText)),
        ]
    }

    private static func scan(_ name: String, _ body: [UInt8]) -> MicroBenchmark {
        MicroBenchmark(name: "json/\(name)", bytes: body.count) {
            let result = try RequestScan.scan(body.span)
            return (result.model?.count ?? 0) &+ (result.stream ? 1 : 0)
        }
    }
}
