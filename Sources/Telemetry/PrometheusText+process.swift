public import SignalboxProtocol

extension PrometheusText {
    /// The families that every client library of Prometheus has for its own process.
    public mutating func process(_ usage: ProcessUsage) {
        family("process_open_fds", .gauge, "Open descriptors of the process that serves this page.")
        sample("process_open_fds", [], usage.openDescriptors)
        family("process_max_fds", .gauge, "How many descriptors it may open.")
        sample("process_max_fds", [], usage.descriptorsMax)
        family("process_resident_memory_bytes", .gauge, "Memory that it has in use.")
        sample("process_resident_memory_bytes", [], usage.residentBytes)
        family("process_cpu_seconds_total", .counter, "Processor time that it has used.")
        sample("process_cpu_seconds_total", [], Double(usage.cpuMilliseconds) / 1000)
        family("process_start_time_seconds", .gauge, "When it began, in seconds since 1970.")
        sample("process_start_time_seconds", [], Double(usage.startedAtMilliseconds) / 1000)
        family("signalbox_log_lines_lost_total", .counter, "Lines of its log that were lost.")
        sample("signalbox_log_lines_lost_total", [], usage.logLinesLost ?? 0)
    }
}
