// swift-tools-version: 6.2
import PackageDescription

/// Unit tests of an optimised build reach what is internal (SIGNALBOX_TESTABLE=1, which scripts/test.sh sets): one build serves
/// them and the end-to-end tests.
let testable: [SwiftSetting] =
    Context.environment["SIGNALBOX_TESTABLE"] == nil
    ? [] : [.unsafeFlags(["-enable-testing"], .when(configuration: .release))]

/// Every target of the project is compiled under the same strict rules.
let strict: [SwiftSetting] =
    testable + [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .treatAllWarnings(as: .error),
    ]

/// The data plane reads what strangers send: there, every unsafe expression is marked as such.
let memorySafe = strict + [.strictMemorySafety()]

/// A data plane carries Swift's run-time libraries in itself: it starts without a toolchain on the machine, and holds a
/// fifth less memory. Builds with sanitizers need the shared ones (SIGNALBOX_SHARED_RUNTIME=1).
let selfContained: [LinkerSetting] =
    Context.environment["SIGNALBOX_SHARED_RUNTIME"] == nil
    ? [
        .unsafeFlags(
            ["-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections"],
            .when(platforms: [.linux], configuration: .release)
        )
    ] : []

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "signalbox",
    products: [
        .executable(name: "signalbox", targets: ["signalbox"]),
        .executable(name: "signalbox-proxy", targets: ["signalbox-proxy"]),
        .executable(name: "simulated-worker", targets: ["simulated-worker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without what reads settings from files and variables.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The contract between the planes, and what both planes need beside it.
        .target(name: "SignalboxProtocol", dependencies: [crypto], path: "Sources/Protocol", swiftSettings: strict),
        .target(
            name: "Telemetry",
            dependencies: ["SignalboxProtocol", logging],
            path: "Sources/Telemetry",
            swiftSettings: strict
        ),
        .target(name: "CLinux", path: "Sources/CLinux"),
        .systemLibrary(
            name: "CCurl",
            path: "Sources/CCurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),

        // Control plane.
        .target(
            name: "ControlPlaneCore",
            dependencies: ["SignalboxProtocol"],
            path: "Sources/ControlPlane/Core",
            swiftSettings: strict
        ),
        .target(
            name: "ControlPlane",
            dependencies: [
                "ControlPlaneCore", "SignalboxProtocol", "Telemetry", "CCurl", "CLinux",
                grdb, hummingbird, logging, serviceLifecycle, yams,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/ControlPlane",
            exclude: ["Core", "Supervisor", "Executable"],
            swiftSettings: strict
        ),
        .target(
            name: "Supervisor",
            dependencies: ["CLinux"],
            path: "Sources/ControlPlane/Supervisor",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "signalbox",
            dependencies: ["ControlPlane", "Supervisor", "SignalboxProtocol", "Telemetry", argumentParser, logging],
            path: "Sources/ControlPlane/Executable",
            swiftSettings: strict
        ),

        // Data plane: no web framework, no NIO, no full Foundation.
        .target(
            name: "DataPlaneCore",
            dependencies: ["SignalboxProtocol", crypto],
            path: "Sources/DataPlane/Core",
            swiftSettings: memorySafe
        ),
        .target(
            name: "DataPlane",
            dependencies: ["DataPlaneCore", "SignalboxProtocol", "Telemetry", "CLinux", logging],
            path: "Sources/DataPlane",
            exclude: ["Core", "Executable"],
            swiftSettings: memorySafe
        ),
        .executableTarget(
            name: "signalbox-proxy",
            dependencies: ["DataPlane", "SignalboxProtocol", "Telemetry", argumentParser, logging],
            path: "Sources/DataPlane/Executable",
            swiftSettings: strict,
            linkerSettings: selfContained
        ),

        // A worker without a GPU, for tests, demonstrations and tuning.
        .target(
            name: "SimulatedWorker",
            dependencies: [
                crypto,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Sources/SimulatedWorker",
            exclude: ["Executable"],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "simulated-worker",
            dependencies: ["SimulatedWorker", argumentParser],
            path: "Sources/SimulatedWorker/Executable",
            swiftSettings: strict
        ),

        .testTarget(
            name: "ProtocolTests",
            dependencies: ["SignalboxProtocol", crypto],
            path: "Tests/ProtocolTests",
            swiftSettings: strict
        ),
        .testTarget(
            name: "TelemetryTests",
            dependencies: ["Telemetry", logging],
            path: "Tests/TelemetryTests",
            swiftSettings: strict
        ),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "ControlPlaneCore", "Supervisor", "SignalboxProtocol", grdb, hummingbird, logging,
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            path: "Tests/ControlPlaneTests",
            swiftSettings: strict
        ),
        .testTarget(
            name: "DataPlaneTests",
            dependencies: ["DataPlane", "DataPlaneCore", "SignalboxProtocol", "Telemetry"],
            path: "Tests/DataPlaneTests",
            swiftSettings: strict
        ),
        // Both planes in simulated worlds; an executable, so that it runs optimised and replays a seed.
        .executableTarget(
            name: "simulation",
            dependencies: ["ControlPlane", "ControlPlaneCore", "DataPlaneCore", "SignalboxProtocol", argumentParser],
            path: "Tests/SimulationTests",
            swiftSettings: strict
        ),
        // The policies on traces, over modelled engines.
        .executableTarget(
            name: "route-simulator",
            dependencies: ["DataPlaneCore", "SignalboxProtocol", argumentParser],
            path: "Benchmarks/RouteSimulator",
            swiftSettings: strict
        ),
        .testTarget(
            name: "RouteSimulatorTests",
            dependencies: ["route-simulator", "SignalboxProtocol"],
            path: "Tests/RouteSimulatorTests",
            swiftSettings: strict
        ),
        .testTarget(
            name: "SimulatedWorkerTests",
            dependencies: [
                "SimulatedWorker",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            path: "Tests/SimulatedWorkerTests",
            swiftSettings: strict
        ),
    ],
    swiftLanguageModes: [.v6]
)
