// CountTests: what Keyway may take and send per request, held to bench/counters/thresholds.csv.
// Counts, not times: the same on a slow machine. They are counts of a release build, so `make counters` builds one and
// runs these tests alone; elsewhere they are skipped, and that is said aloud.

import Foundation
import TestKit
import Testing

/// All counts and memory sizes; one after the other, so that `make counters` prints them in order.
@Suite(.serialized) struct CountTests {
    /// KEYWAY_COUNTERS=1: the program is a release build.
    static let areWanted = ProcessInfo.processInfo.environment["KEYWAY_COUNTERS"] == "1"
    static let hasCompiler = PreloadedLibrary.compiler != nil

    /// Goal: nobody takes a run without counters for one that held them.
    @Test func whatTheCountersNeedIsThere() {
        if !Self.areWanted { say("SKIPPED: counters are of a release build; `make counters` builds it and reads them") }
        guard Self.areWanted, !Self.hasCompiler else { return }
        say("SKIPPED: no cc, gcc or clang here, so allocations are not counted; install one")
        if Servers.areRequired { Issue.record("a C compiler is missing and KEYWAY_TEST_REQUIRE_SERVERS is 1") }
    }

    /// Goal: every load has a limit for every count, and no row of the file is dead.
    @Test func theFileOfThresholdsIsComplete() throws {
        let rows = try Set(Thresholds.read.get().atMost.keys)
        let loads = CountLoad.all.flatMap { load in
            Counts.names.map { Thresholds.Row(workload: load.name, counter: $0) }
        }
        #expect(rows == Set(loads).union(MemoryTests.rows))
    }

    /// Goal: in a steady state a request takes nothing from the heap, and costs as few sends and segments as it can.
    /// Method: the least of some windows, each of many rounds that are played step by step.
    @Test(.enabled(if: areWanted && hasCompiler), arguments: CountLoad.all)
    func requestsStayWithinTheirThresholds(_ load: CountLoad) throws {
        let thresholds = try Thresholds.read.get()
        let counter = try AllocationCounter()
        let stage = try Stage(servers: load.servers, value: load.value, counter: counter)
        if load.idleClients > 0 { try stage.connectIdle(load.idleClients) }
        try stage.connect(load.clients)
        for _ in 0..<max(10, load.rounds / 4) { try stage.round(load.warmUp) }

        var least = try Counts(of: load, on: stage, counter)
        func excess() throws -> [String] {
            try Counts.names.filter { try least.perRequest[$0]! > thresholds.atMost(load.name, $0) }
        }
        for _ in 0..<4 where try !excess().isEmpty { least.takeLeast(of: try Counts(of: load, on: stage, counter)) }
        let told = try Counts.names.map {
            "\($0) \(text(least.perRequest[$0]!)) (at most \(text(try thresholds.atMost(load.name, $0))))"
        }
        say("count \(load.name), per request: \(told.joined(separator: ", "))")
        #expect(try excess() == [], "\(load.name): \(told); see \(Thresholds.path)")
    }
}

/// With four digits, as in the file.
func text(_ number: Double) -> String { String(format: "%.4f", number) }
