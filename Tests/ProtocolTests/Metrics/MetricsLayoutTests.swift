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
        #expect(MetricsLayout.boundsMilliseconds == MetricsLayout.boundsMilliseconds.sorted())
        #expect(MetricsLayout.boundsMilliseconds.last == 1_800_000)
    }
}
