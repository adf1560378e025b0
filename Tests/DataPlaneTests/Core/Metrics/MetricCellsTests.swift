import SignalboxProtocol
import Testing

@testable import DataPlaneCore

struct MetricCellsTests {
    @Test("A time is counted in the bucket of the first bound that it does not pass, and in the sum")
    func observe() {
        let cells = MetricCells()
        let bounds = DurationBuckets.standard.milliseconds
        for milliseconds in [0, 1, 2, 5, 6, 1_800_000, 1_800_001] {
            cells.observe(MetricsLayout.firstToken, milliseconds: milliseconds)
        }
        let counts = (0...bounds.count).map { cells[MetricsLayout.firstToken + $0] }
        #expect(counts[0] == 2 && counts[1] == 2 && counts[2] == 1)
        #expect(counts[bounds.count - 1] == 1 && counts[bounds.count] == 1)
        #expect(counts.reduce(0, +) == 7)
        #expect(cells[MetricsLayout.firstToken + MetricsLayout.histogramSum] == 3_600_015)
        #expect(cells[MetricsLayout.queueWait] == 0)
    }
}
