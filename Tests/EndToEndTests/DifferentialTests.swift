// DifferentialTests: the same random commands to Keyway over four shards and to one real server, for a bounded time.
// The judge is Python, in Tests/differential, with its own shards; here it is started and its words are passed on.
// The commands are always the same ones, so that a red run means that the change at hand is bad; KEYWAY_SEED draws
// others, and `make differential` new ones each time. KEYWAY_LONG_TESTS=1 sends a million.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct DifferentialTests {
    private static let seed: UInt64 = 20_250_601
    private static let servers = Servers.found.filter { $0.product == .valkey }

    @Test(arguments: servers) func repliesAndDataAreThoseOfOneServer(_ server: Server) throws {
        let limit = runsLongTests ? ["--commands", "1000000"] : ["--commands", "150000", "--seconds", "15"]
        try judge(server, limit, withinSeconds: runsLongTests ? 3600 : 150)
    }

    /// Goal: what the judge finds is Keyway's doing. Method: a second server in Keyway's place.
    @Test(arguments: servers) func betweenTwoServersNothingDiffers(_ server: Server) throws {
        try judge(server, ["--mirror", "--commands", "20000"], withinSeconds: 150)
    }

    private func judge(
        _ server: Server, _ arguments: [String], withinSeconds: Double, test: String = #function
    ) throws {
        let seed = SeededRandom.announced(test, unlessGiven: Self.seed).seed
        let answer = try PythonJudge.run(
            ["differential", "--server", server.path, "--seed", String(seed)] + arguments,
            withinSeconds: withinSeconds)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
        #expect(answer.output.hasSuffix("all right\n"), "\(answer.output)")
        say(answer.output)
    }
}
