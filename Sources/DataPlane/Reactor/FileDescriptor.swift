import Glibc

/// Small calls on descriptors that several parts of the data plane need.
enum FileDescriptor {
    /// Sets a socket option whose value is an integer. Failure is ignored: these options only tune.
    static func setOption(_ descriptor: Int32, level: Int32, name: Int32, value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Sends small pieces at once: without it Nagle's algorithm and delayed acknowledgements stall streams for 40 ms.
    static func setNoDelay(_ descriptor: Int32) {
        setOption(descriptor, level: Int32(IPPROTO_TCP), name: TCP_NODELAY, value: 1)
    }

    /// Notices peers that vanish without a word, a powered-off machine say, within a minute.
    static func setKeepAlive(_ descriptor: Int32) {
        setOption(descriptor, level: SOL_SOCKET, name: SO_KEEPALIVE, value: 1)
        setOption(descriptor, level: Int32(IPPROTO_TCP), name: TCP_KEEPIDLE, value: 30)
        setOption(descriptor, level: Int32(IPPROTO_TCP), name: TCP_KEEPINTVL, value: 10)
        setOption(descriptor, level: Int32(IPPROTO_TCP), name: TCP_KEEPCNT, value: 3)
    }

    /// Makes the next close a reset.
    static func setResetOnClose(_ descriptor: Int32) {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}
