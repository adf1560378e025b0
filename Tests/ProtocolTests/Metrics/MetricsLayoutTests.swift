import SignalboxProtocol
import Testing

struct MetricsLayoutTests {
    @Test("No two figures share a cell, and all lie within a block")
    func cellsAreApart() {
        var cells: [Int] = []
        for route in MetricsLayout.RequestRoute.allCases {
            for outcome in MetricsLayout.RequestOutcome.allCases { cells.append(MetricsLayout.request(route, outcome)) }
            cells += (0..<MetricsLayout.histogramCells).map { MetricsLayout.duration(route) + $0 }
            cells.append(MetricsLayout.retry(route))
        }
        cells += (0..<MetricsLayout.histogramCells).map { MetricsLayout.generation + $0 }
        cells += (0..<MetricsLayout.histogramCells).map { MetricsLayout.firstToken + $0 }
        cells += (0..<MetricsLayout.histogramCells).map { MetricsLayout.queueWait + $0 }
        cells += (0..<MetricsLayout.histogramCells).map { MetricsLayout.interToken + $0 }
        for policy in PolicyName.allCases.indices {
            cells += MetricsLayout.PickReason.allCases.map { MetricsLayout.pick(policy, $0) }
        }
        cells += MetricsLayout.Tokens.allCases.map { MetricsLayout.tokens + $0.rawValue }
        cells.append(MetricsLayout.accessLinesLost)
        cells += MetricsLayout.AbortPhase.allCases.map { MetricsLayout.aborts + $0.rawValue }
        cells.append(MetricsLayout.connections)
        #expect(cells.sorted() == Array(0..<MetricsLayout.cellCount))
        #expect(MetricsLayout.cellCount * 8 <= MetricsLayout.blockBytes)
        #expect(MetricsLayout.nameOffset + MetricsLayout.nameBytesMax <= MetricsLayout.headerBytes)
    }

    @Test("Labels are apart, and bounds grow")
    func labels() {
        let routes = MetricsLayout.RequestRoute.allCases.map(\.label)
        #expect(Set(routes).count == routes.count)
    }

    @Test("Standard buckets ascend to half an hour; others are read from seconds")
    func buckets() throws {
        let standard = DurationBuckets.standard.milliseconds
        #expect(standard == standard.sorted() && standard.last == 1_800_000)
        #expect(standard.count <= DurationBuckets.countMax)
        #expect(try DurationBuckets(seconds: [0.001, 0.25, 1, 86_400]).milliseconds == [1, 250, 1_000, 86_400_000])
        #expect(MetricsLayout.digest(.standard) != MetricsLayout.digest(try DurationBuckets(seconds: [1])))
    }

    @Test(
        "Bounds that cannot be used are refused",
        arguments: [
            [], [0], [-1], [1, 1], [2, 1], [0.0005], [1.0001], [86_401], [.infinity], [.nan],
            [Double](repeating: 1, count: 33),
        ]
    )
    func badBuckets(_ seconds: [Double]) {
        #expect(throws: DurationBucketsError.self) { try DurationBuckets(seconds: seconds) }
    }
}
