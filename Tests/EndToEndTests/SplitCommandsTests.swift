// SplitCommandsTests: commands of many keys that Keyway takes apart, one part per shard, and puts together again.
// Not here: commands that need all keys on one shard (SameShardTests).

import TestKit
import Testing

@Suite(.serialized) struct SplitCommandsTests {
    @Test(arguments: Servers.found) func mgetAnswersInTheOrderOfItsKeys(_ server: Server) throws {
        let client = try Rig(server).connect()
        let keys = (0..<60).map { "k\($0)" }
        let pairs = keys.flatMap { [$0, "of " + $0] }
        #expect(try client.command(["MSET"] + pairs) == .ok)

        var random = SeededRandom.announced()
        for count in [1, 2, 3, 7, 20, 1000] {
            let asked = (0..<count).map { _ in random.oneOf(keys + ["missing1", "missing2"]) }
            let expected = asked.map { $0.hasPrefix("k") ? RESPValue.text("of " + $0) : .null }
            #expect(try client.command(["MGET"] + asked) == .array(expected), "\(count) keys")
        }
        #expect(try client.command("MGET", "k1", "k1", "none", "k1") == ["of k1", "of k1", .null, "of k1"])
    }

    /// Goal: a key of another type is nil in MGET, as on one server, and not an error for all.
    @Test(arguments: Servers.newest) func mgetOfAListIsNil(_ server: Server) throws {
        let client = try Rig(server).connect()
        _ = try client.pipeline([["RPUSH", "list", "x"], ["SET", "a", "1"], ["SET", "b", "2"]])
        #expect(try client.command("MGET", "a", "list", "b") == ["1", .null, "2"])
    }

    @Test(arguments: Servers.found) func msetWritesAllAndTheLastOfEqualKeysWins(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let keys = (0..<1000).map { "k\($0)" }
        #expect(try client.command(["MSET"] + keys.flatMap { [$0, "of " + $0] }) == .ok)
        #expect(try client.command("DBSIZE") == 1000)
        let direct = try rig.shards.map { try $0.connect() }
        var problems = Problems()
        for (key, index) in zip(keys, try rig.shardIndices(of: keys)) {
            let there = try direct[index].command("GET", key)
            problems.check(there == .text("of " + key), "\(key) on shard \(index): \(there)")
        }
        problems.report()
        #expect(try client.command("MSET", "k1", "first", "k2", "x", "k1", "last") == .ok)
        #expect(try client.command("GET", "k1") == "last")
    }

    @Test(arguments: Servers.found) func countsOfAllShardsAreAddedUp(_ server: Server) throws {
        let client = try Rig(server).connect()
        let keys = (0..<100).map { "k\($0)" }
        _ = try client.command(["MSET"] + keys.flatMap { [$0, "v"] })
        #expect(try client.command(["EXISTS"] + keys + ["missing"]) == 100)
        #expect(try client.command("EXISTS", "k1", "k2", "k1", "missing") == 3)
        #expect(try client.command(["TOUCH"] + keys + ["missing", "k1"]) == 101)
        #expect(try client.command(["UNLINK"] + keys[..<30] + ["missing", "k1"]) == 30)
        #expect(try client.command(["DEL"] + keys) == 70)
        #expect(try client.command(["EXISTS"] + keys) == 0)
        #expect(try client.command(["MGET"] + keys) == .array(keys.map { _ in .null }))
    }

    @Test(arguments: Servers.found.filter { $0.product == .valkey && $0.major >= 9 })
    func msetexSplitsWithItsExpiry(_ server: Server) throws {
        let client = try Rig(server).connect()
        let keys = (0..<40).map { "k\($0)" }
        let command = ["MSETEX", "40"] + keys.flatMap { [$0, "of " + $0] } + ["EX", "1000"]
        #expect(try client.command(command) == 1)
        #expect(try client.command(["MGET"] + keys) == .array(keys.map { .text("of " + $0) }))
        for reply in try client.pipeline(keys.map { ["TTL", $0] }) {
            #expect((990...1000).contains(reply.integer ?? 0), "TTL \(reply)")
        }
        // NX and XX hold for all keys or none, which only one shard can promise.
        let conditional = try client.command(["MSETEX", "40"] + keys.flatMap { [$0, "x"] } + ["NX"])
        #expect(conditional.isError, "\(conditional)")
        #expect(try client.command("GET", "k1") == "of k1")
        #expect(try client.command("MSETEX", 2, "{t}a", "1", "{t}b", "2", "NX") == 1)
    }

    /// Goal: the parts of many commands in flight do not get mixed up.
    @Test(arguments: Servers.found) func pipelinedSplitsKeepTheirReplies(_ server: Server) throws {
        let client = try Rig(server, workers: 2).connect()
        let keys = (0..<50).map { "k\($0)" }
        _ = try client.command(["MSET"] + keys.flatMap { [$0, "of " + $0] })
        var random = SeededRandom.announced()
        var commands: [[String]] = []
        var expected: [RESPValue] = []
        for turn in 0..<300 {
            let asked = (0..<random.below(12) + 1).map { _ in random.oneOf(keys) }
            switch random.below(4) {
            case 0:
                commands.append(["EXISTS"] + asked)
                expected.append(.integer(asked.count))
            case 1:
                commands.append(["ECHO", "turn \(turn)"])
                expected.append(.text("turn \(turn)"))
            default:
                commands.append(["MGET"] + asked)
                expected.append(.array(asked.map { .text("of " + $0) }))
            }
        }
        #expect(try client.pipeline(commands) == expected)
    }

    @Test(arguments: Servers.newest) func malformedSplitsAnswerAsOneServerDoes(_ server: Server) throws {
        let direct = try ServerProcess(server).connect()
        let client = try Rig(server).connect()
        for command in [["MSET", "a"], ["MSET", "a", "1", "b"], ["MGET"], ["DEL"], ["EXISTS"], ["MSET"]] {
            let expected = try direct.command(command)
            #expect(expected.isError)
            #expect(try client.command(command) == expected)
        }
    }
}
