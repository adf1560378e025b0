import SignalboxProtocol
import Telemetry
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite("What a process takes") struct ProcessUsageTests {
    @Test("All figures are there, and those that must grow do")
    func figures() {
        let before = ProcessUsage.current()
        let opened = (0..<50).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
        defer { for descriptor in opened { close(descriptor) } }
        var work = 0
        repeat {
            work &+= (0..<100_000).reduce(0) { $0 ^ ($1 &* work) }
        } while ProcessUsage.current().cpuMilliseconds == before.cpuMilliseconds
        let after = ProcessUsage.current()
        #expect(after.openDescriptors >= 50 && after.openDescriptors < after.descriptorsMax)
        #expect(after.residentBytes > 1 << 20)
        #expect(after.cpuMilliseconds > before.cpuMilliseconds)
        #expect(after.startedAtMilliseconds == before.startedAtMilliseconds)
        let age = Int(time(nil)) - after.startedAtMilliseconds / 1000
        #expect((-1...86_400).contains(age))
    }
}
