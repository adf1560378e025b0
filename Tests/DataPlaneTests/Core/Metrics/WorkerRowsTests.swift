import SignalboxProtocol
import Testing

@testable import DataPlaneCore

@Suite("Cells of workers") struct WorkerRowsTests {
    private static let words = MetricsLayout.workerRowsMax * MetricsLayout.workerRowWords

    @Test("A row says whose it is, and what was counted before it was")
    func rows() throws {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: WorkerRowsTests.words * 8, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: WorkerRowsTests.words * 8)
        defer { memory.deallocate() }
        let cells = [MetricCells(), MetricCells()]
        let rows = WorkerRows(unsafeMemory: memory, cells: cells)
        func word(_ index: Int) -> UInt64 { memory.load(fromByteOffset: index * 8, as: UInt64.self) }
        let first = 3 * MetricsLayout.workerRowWords
        for cell in cells {
            cell.count(.failures, slot: 3)
            cell.count(.questions, slot: 3)
            cell.count(.failures, slot: 4)
        }
        rows.begin(slot: 3, try #require(IncarnationID("01234567-89ab-4def-8123-456789abcdef")))
        #expect((0..<4).map { word(first + $0) } == [0x0123_4567_89AB_4DEF, 0x8123_4567_89AB_CDEF, 2, 2])
        #expect(word(first + MetricsLayout.workerRowWords) == 0)
    }

    @Test("Workers beyond the rows are counted nowhere")
    func beyond() {
        let cells = MetricCells()
        cells.count(.picks(2), slot: MetricsLayout.workerRowsMax)
        cells.count(.picks(2), slot: -1)
        cells.count(.picks(2), slot: MetricsLayout.workerRowsMax - 1)
        #expect(cells.workerCell(MetricsLayout.WorkerCell.picks(2).index, slot: MetricsLayout.workerRowsMax - 1) == 1)
    }
}
