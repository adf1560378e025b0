/// The whole engine: any order of events of clients, workers, kernel, disk, clock and control plane.
///
/// No trap, all counts right behind each event and 0 at the end, nothing hangs, and no client or worker is told what
/// nobody said.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEngine(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var run = EngineRun(FuzzInput(start, count))
    run.run()
    return 0
}
