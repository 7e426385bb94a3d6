import ArgumentParser
import TestKit
import Testing

@testable import keyway_bench

struct BenchRunTests {
    @Test func theOrderTurnsFromRoundToRound() {
        #expect((0..<3).map { BenchRun.order(ofRound: $0, targetCount: 2) } == [[0, 1], [1, 0], [0, 1]])
        #expect((0..<4).map { BenchRun.order(ofRound: $0, targetCount: 3)[0] } == [0, 1, 2, 0])
    }

    /// The servers live at least as long as the run.
    private func run(_ words: [String], over servers: [FakeServer]) throws -> RunResult {
        defer { withExtendedLifetime(servers) {} }
        let plan = try Plan(try BenchCommand.parse(words), words: words, environment: [:])
        return try BenchRun(plan: plan, interruption: Interruption(bell: try Bell()), progress: nil).run()
    }

    private func answering() throws -> FakeServer {
        try FakeServer { conversation in
            while true {
                _ = try conversation.request()
                try conversation.send("$1\r\nv\r\n")
            }
        }
    }

    private func path(_ server: FakeServer) -> String {
        guard case .unix(let path) = server.target.place else { return "" }
        return path
    }

    @Test func everyTargetIsMeasuredInEveryRound() throws {
        let (first, second) = (try answering(), try answering())
        let result = try run(
            [
                "-s", path(first), "--vs", "b=" + path(second), "--rounds", "3", "-n", "50", "-c", "2", "--warmup", "0",
                "--mix", "get",
            ], over: [first, second])
        #expect(result.phases.map(\.targetIndex) == [0, 1, 1, 0, 0, 1])
        #expect(result.phases.map(\.roundIndex) == [0, 0, 1, 1, 2, 2])
        #expect(result.phases.allSatisfy { $0.requestCount == 50 && $0.errors.isEmpty })
        #expect(result.targets.map(\.label) == [path(first), "b"])
        #expect(ExitStatus.of(result, wasInterrupted: false) == ExitStatus.fine)
    }

    @Test func aSearchAndACurveHaveTheirSteps() throws {
        let server = try answering()
        let result = try run(
            [
                "-s", path(server), "-c", "2", "--warmup", "0", "--duration", "30ms", "--search", "p50<10s", "--curve",
                "2",
                "--mix", "get",
            ], over: [server])
        #expect(result.phases.count == 1 && result.searches.count == 2)
        #expect(result.searches[0].goal == "p50<10s" && !result.searches[0].steps.isEmpty)
        #expect(result.searches[1].steps.count == 2 && result.searches[1].goal.isEmpty)
        #expect(result.searches.flatMap(\.steps).allSatisfy { $0.phase.intervals.isEmpty })
    }

    @Test func aTargetThatGoesCostsItsOwnRoundsOnly() throws {
        let good = try answering()
        // Serves the probe and the first round's one connection.
        let bad = try FakeServer { conversation in
            guard conversation.index <= 1 else { return }
            while true {
                _ = try conversation.request()
                try conversation.send("$1\r\nv\r\n")
            }
        }
        let result = try run(
            [
                "-s", path(good), "--vs", "bad=" + path(bad), "--rounds", "2", "-n", "10", "-c", "1", "--warmup", "0",
                "--mix", "get",
            ], over: [good, bad])
        #expect(result.phases.map(\.requestCount) == [10, 10, 0, 10])
        #expect(result.phases[2].errors.map(\.kind) == ["connect"])
        #expect(ExitStatus.of(result, wasInterrupted: false) == ExitStatus.failed)
    }
}
