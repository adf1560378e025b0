/// Ends the run with a finding unless `condition` holds; unlike `assert` in every kind of build.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { finding(message()) }
}

/// Ends the run: the fuzzer keeps the input that led here.
func finding(_ message: String) -> Never {
    fatalError("FINDING: \(message)")
}

/// Bytes as a finding shows them.
func shown(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).debugDescription
}
