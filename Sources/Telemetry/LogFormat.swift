/// How log events are written.
public enum LogFormat: String, CaseIterable, Sendable {
    /// `2026-11-24T12:00:00.000Z INFO message key=value ...`
    case text
    /// One object a line: `time`, `level`, `message`, then the metadata.
    case json
}
