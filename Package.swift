// swift-tools-version: 6.1
import PackageDescription

// Each feature is a rule that the compiler keeps for us:
// ExistentialAny (SE-0335) makes every dynamic dispatch visible; MemberImportVisibility (SE-0444) and
// InternalImportsByDefault (SE-0409) make every file name the rooms it uses.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A library room: `needs` is the whole list of rooms it may import, `products` of the packages it may.
func room(
    _ name: String, needs: [String] = [], products: [Target.Dependency] = [], exclude: [String] = [],
    resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: needs.map { .byName(name: $0) } + products, exclude: exclude, resources: resources,
        swiftSettings: strict)
}

/// The tests of a room see the room, what it sees, and TestKit.
func tests(
    _ name: String, of rooms: [String], products: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: rooms.map { .byName(name: $0) } + ["TestKit"] + products, resources: resources,
        swiftSettings: strict)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "keyway",
    products: [
        .executable(name: "keyway", targets: ["keyway"]),
        .executable(name: "keyway-bench", targets: ["keyway-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        .target(name: "CLinux"),
        room("Platform", needs: ["CLinux"]),
        room("Wire"),
        room("Hashing"),
        room("Telemetry"),
        room("Settings", products: [yams]),
        room(
            "Routing", needs: ["Wire", "Hashing"],
            exclude: ["Commands/commands.csv", "Commands/generate.py", "Commands/document.py"]),
        room("Upstream", needs: ["Platform", "Wire", "Routing", "Telemetry"], products: [log]),
        room("Session", needs: ["Platform", "Wire", "Hashing", "Routing", "Upstream", "Telemetry"], products: [log]),
        // In the program itself, which stays one file.
        room(
            "Admin", needs: ["Platform", "Telemetry"], products: [log], exclude: ["Page/page.png"],
            resources: [
                .embedInCode("Page/page.html"), .embedInCode("Page/page.css"), .embedInCode("Page/page.js"),
            ]),
        .executableTarget(
            name: "keyway",
            dependencies: [
                "Platform", "Wire", "Hashing", "Telemetry", "Settings", "Routing", "Upstream", "Session", "Admin",
                arguments, log,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "keyway-bench", dependencies: ["Platform", "Wire", arguments, histogram], path: "bench/program",
            swiftSettings: strict),
        .target(name: "TestKit", path: "Tests/TestKit", swiftSettings: strict),
        tests("PlatformTests", of: ["Platform"]),
        tests("WireTests", of: ["Wire"]),
        tests("HashingTests", of: ["Hashing"], resources: [.copy("vectors.json")]),
        tests("TelemetryTests", of: ["Telemetry"]),
        tests("SettingsTests", of: ["Settings"]),
        tests("RoutingTests", of: ["Routing", "Wire", "Hashing"]),
        tests("UpstreamTests", of: ["Upstream", "Platform", "Wire", "Routing", "Telemetry"]),
        tests("SessionTests", of: ["Session", "Upstream", "Platform", "Wire", "Hashing", "Routing", "Telemetry"]),
        tests(
            "SimulationTests", of: ["Session", "Upstream", "Platform", "Hashing", "Routing", "Telemetry"],
            products: [log]),
        .target(
            name: "FuzzChecks", dependencies: ["Wire", "Settings", "TestKit"], path: "Tests/FuzzChecks",
            swiftSettings: strict),
        tests("FuzzTests", of: ["FuzzChecks"], resources: [.copy("corpus")]),
        tests("AdminTests", of: ["Admin", "Platform", "Telemetry"]),
        tests(
            "KeywayTests",
            of: ["keyway", "Platform", "Wire", "Hashing", "Telemetry", "Settings", "Upstream", "Session"],
            products: [arguments, log]),
        tests("BenchTests", of: ["keyway-bench", "Platform", "Wire"], products: [arguments, histogram]),
        tests("TidinessTests", of: []),
        tests("IntegrationTests", of: ["Routing", "Wire"]),
        tests("EndToEndTests", of: [], resources: [.copy("clients")]),
        tests("CountTests", of: []),
    ],
    swiftLanguageModes: [.v6]
)

// Its main function is libFuzzer's, which only a build of .ci/fuzz has.
if Context.environment["KEYWAY_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "keyway-fuzz", dependencies: ["FuzzChecks"], path: "Tests/FuzzProgram", swiftSettings: strict))
}
