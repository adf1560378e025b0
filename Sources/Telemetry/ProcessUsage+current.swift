public import SignalboxProtocol

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension ProcessUsage {
    /// What this process takes now; figures that the system does not tell are 0.
    public static func current() -> ProcessUsage {
        ProcessUsage(
            openDescriptors: openDescriptors(),
            descriptorsMax: sysconf(Int32(_SC_OPEN_MAX)),
            residentBytes: (fields("/proc/self/statm").dropFirst().first ?? 0) * pageBytes,
            cpuMilliseconds: milliseconds(CLOCK_PROCESS_CPUTIME_ID),
            startedAtMilliseconds: startedAt,
            logLinesLost: LogLosses.shared.count
        )
    }

    private static let pageBytes = sysconf(Int32(_SC_PAGESIZE))

    /// Found once, so that a clock that is set does not look like a new start.
    private static let startedAt: Int = {
        // Behind the name, which may hold anything in brackets, the 20th field is the start in ticks since the boot.
        let text = content("/proc/self/stat")
        guard let name = text.lastIndex(of: UInt8(ascii: ")")) else { return 0 }
        let ticks = numbers(text[name...].dropFirst(3))
        guard ticks.count > 18 else { return 0 }
        let sinceBoot = ticks[18] * 1000 / sysconf(Int32(_SC_CLK_TCK))
        return milliseconds(CLOCK_REALTIME) - (milliseconds(CLOCK_BOOTTIME) - sinceBoot)
    }()

    /// Kernels from 6.2 on tell the number as the size of the folder; older ones are asked for each name.
    private static func openDescriptors() -> Int {
        var information = stat()
        if stat("/proc/self/fd", &information) == 0, information.st_size > 0 { return Int(information.st_size) }
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var names = 0
        while readdir(folder) != nil { names += 1 }
        // The folder itself, its parent, and the descriptor that reads it.
        return max(0, names - 3)
    }

    private static func milliseconds(_ clock: clockid_t) -> Int {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return 0 }
        return Int(time.tv_sec) * 1000 + Int(time.tv_nsec) / 1_000_000
    }

    private static func fields(_ path: String) -> [Int] { numbers(content(path)[...]) }

    /// Fields apart by blanks; what is no number is 0.
    private static func numbers(_ bytes: ArraySlice<UInt8>) -> [Int] {
        bytes.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }).map { field in
            Int(String(decoding: field, as: UTF8.self)) ?? 0
        }
    }

    private static func content(_ path: String) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
    }
}
