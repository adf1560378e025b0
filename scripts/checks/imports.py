"""Imports go one way: Executable -> plane -> plane's Core -> Protocol, and the planes never meet."""

import re
import sys

from files import ROOT, project_files, report, text_of

NETWORK = {"NIOCore", "NIOPosix", "NIOHTTP1", "NIO", "Hummingbird", "HummingbirdCore", "HTTPTypes", "CCurl"}
STORAGE = {"GRDB"}
PLANES = {"ControlPlane", "ControlPlaneCore", "Supervisor", "DataPlane", "DataPlaneCore"}
SYSTEM = {"Glibc", "Musl", "Darwin", "CLinux", "Dispatch", "Foundation"}

# Folder -> (modules that it must not import, why). The longest folder that holds a file counts.
RULES = {
    "Sources/Protocol": (NETWORK | STORAGE | PLANES | SYSTEM | {"Logging"}, "the protocol is values without I/O"),
    "Sources/Telemetry": (NETWORK | STORAGE | PLANES | {"Foundation"}, "both planes link it"),
    "Sources/ControlPlane": ({"DataPlane", "DataPlaneCore"}, "the planes never import each other"),
    "Sources/ControlPlane/Core": (
        NETWORK | STORAGE | SYSTEM | {"ControlPlane", "Supervisor", "DataPlane", "DataPlaneCore", "Logging"},
        "Core decides in values and does no I/O",
    ),
    "Sources/ControlPlane/Supervisor": (
        NETWORK | STORAGE | (PLANES - {"Supervisor"}), "the supervisor is thin: nothing in it may crash it",
    ),
    "Sources/DataPlane": (
        NETWORK | STORAGE | {"ControlPlane", "ControlPlaneCore", "Supervisor", "Foundation"},
        "the data plane has its own engine and no full Foundation",
    ),
    "Sources/DataPlane/Core": (
        NETWORK | STORAGE | (SYSTEM - {"Glibc"})
        | {"ControlPlane", "ControlPlaneCore", "Supervisor", "DataPlane", "Logging"},
        "Core decides in values and does no I/O",
    ),
    "Sources/SimulatedWorker": (STORAGE | PLANES | {"Telemetry"}, "a worker knows nothing of the router"),
}

# What a Core folder must be given as an argument instead of taking it.
CORE_CALLS = {
    r"\bDate\(\)|\bDate\.now\b|\b(Continuous|Suspending)Clock\b|\bclock_gettime\b|\bgettimeofday\b": "takes the time by itself",
    r"\bSystemRandomNumberGenerator\b|\bUUID\(\)|\barc4random|\bgetrandom\b": "takes randomness by itself",
    r"\bTask\.sleep\b|\bu?sleep\(|\bnanosleep\(": "sleeps",
    r"\b(socket|connect|accept4?|recv|sendmsg|epoll_\w+)\([a-z_]*(fd|descriptor|socket)": "uses a socket",
}
IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public\s+|package\s+|internal\s+|private\s+|fileprivate\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|let|var|typealias)\s+)?(\w+)",
    re.MULTILINE,
)


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def main() -> int:
    problems = []
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix != ".swift" or not name.startswith("Sources/"):
            continue
        code = without_comments(text_of(path))
        folder = max((rule for rule in RULES if name.startswith(rule + "/")), key=len, default=None)
        if folder:
            forbidden, reason = RULES[folder]
            for module in IMPORT.findall(code):
                if module in forbidden:
                    problems.append(f"{name}: imports {module}; {reason}")
        if "/Core/" in name:
            for pattern, what in CORE_CALLS.items():
                for found in re.finditer(pattern, code):
                    line = code.count("\n", 0, found.start()) + 1
                    problems.append(f"{name}:{line}: {what} ('{found.group()}'); let the caller hand it in")
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
