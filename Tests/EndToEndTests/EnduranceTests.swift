// EnduranceTests: clients work through Keyway while its servers, their connections and Keyway itself are made to fail.
// The judge is Python, in Tests/endurance. Here it is judged by itself, then started on the newest server for a bounded
// time, always with the same faults, so that a red test is one of this change: KEYWAY_SEED=n draws others.
// KEYWAY_LONG_TESTS=1 takes a minute; `make endurance` and `make soak` take longer.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct EnduranceTests {
    private static let servers = Array(Servers.found.filter { $0.product == .valkey }.suffix(1))
    private static let seedDefault = "4"

    /// Its right histories and wrong ones; and wires keep the order of bytes.
    @Test(arguments: ["endurance.test_checks", "endurance.test_wire"]) func theJudgeIsJudged(_ module: String) throws {
        let answer = try PythonJudge.run(["unittest", module], withinSeconds: 60)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
    }

    @Test(arguments: servers) func failingShardsCostOnlyTheirOwnRequests(_ server: Server) throws {
        let seed = ProcessInfo.processInfo.environment["KEYWAY_SEED"] ?? Self.seedDefault
        let seconds = runsLongTests ? "60" : "15"
        let answer = try PythonJudge.run(
            ["endurance", "--server", server.path, "--seconds", seconds, "--seed", seed], withinSeconds: 300)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
        say(answer.output)
    }

    /// Goal: a green judge means something. Method: a server without a log is killed, which loses what it acknowledged.
    @Test(arguments: servers) func lostWritesAreFound(_ server: Server) throws {
        let answer = try PythonJudge.run(
            ["endurance", "--server", server.path, "--forgetful", "--chapter", "0", "--seed", Self.seedDefault],
            withinSeconds: 120)
        #expect(answer.status == .exited(1), "\(answer.output)\(answer.errors)")
        #expect(answer.output.hasSuffix("something is wrong\n"), "\(answer.output)")
    }
}
