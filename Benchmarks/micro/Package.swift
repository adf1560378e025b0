// swift-tools-version: 6.2
import PackageDescription

/// The folders of the data plane's core that need nothing else are compiled into the benchmark itself, by links: so
/// that it builds in seconds, and so that the optimiser sees the code as it does in the data plane, in one module.
let package = Package(
    name: "micro-benchmarks",
    targets: [
        .executableTarget(
            name: "micro-benchmarks",
            path: "Sources/MicroBenchmarks",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .treatAllWarnings(as: .error),
                .strictMemorySafety(),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
