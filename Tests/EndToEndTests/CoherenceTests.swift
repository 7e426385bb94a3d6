// CoherenceTests: clients read hot keys, which Keyway answers from copies in memory or on servers, while others write
// them through Keyway and beside it, and while servers, connections and Keyway are made to fail.
// The judge is Python, in Tests/coherence. Here it is judged by itself, then started on the newest server for a bounded
// time, always with the same faults: KEYWAY_SEED=n draws others. The machine is shared with other tests, so the bound
// on staleness has much slack here; `make coherence` has little.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct CoherenceTests {
    private static let servers = Array(Servers.found.filter { $0.product == .valkey }.suffix(1))

    @Test func theJudgeKnowsRightHistoriesFromWrongOnes() throws {
        let answer = try PythonJudge.run(["unittest", "coherence.test_checks"], withinSeconds: 60)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
    }

    @Test(arguments: servers, ["cache", "replicate"]) func noReadIsOlderThanPromised(
        _ server: Server, mode: String
    ) throws {
        let seed = ProcessInfo.processInfo.environment["KEYWAY_SEED"] ?? "11"
        let seconds = runsLongTests ? "120" : "30"
        let answer = try PythonJudge.run(
            [
                "coherence", "--server", server.path, "--mode", mode, "--seconds", seconds, "--seed", seed,
                "--slack-ms", "1000",
            ],
            withinSeconds: 300)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
        say(answer.output)
    }
}
