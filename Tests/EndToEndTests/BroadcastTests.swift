// BroadcastTests: commands that go to every shard, and one reply made of all.

import TestKit
import Testing

@Suite(.serialized) struct BroadcastTests {
    @Test(arguments: Servers.found) func sizesAreAddedAndKeysUnited(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let client = try rig.connect()
        #expect(try client.command("DBSIZE") == 0)
        #expect(try client.command("KEYS", "*") == [])
        let keys = (0..<300).map { "k\($0)" }
        _ = try client.command(["MSET"] + keys.flatMap { [$0, "v"] })
        #expect(try client.command("DBSIZE") == 300)
        #expect(try client.command("KEYS", "*").sortedTexts == keys.sorted())
        #expect(try client.command("KEYS", "k29?").sortedTexts == (290..<300).map { "k\($0)" })
        #expect(try client.command("KEYS", "nothing") == [])
    }

    @Test(arguments: Servers.found) func flushesEmptyEveryShard(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let direct = try rig.shards.map { try $0.connect() }
        for flush in [["FLUSHALL"], ["FLUSHDB"], ["FLUSHALL", "ASYNC"], ["FLUSHDB", "SYNC"]] {
            _ = try client.command(["MSET"] + (0..<100).flatMap { ["k\($0)", "v"] })
            for shard in direct { #expect(try shard.command("DBSIZE").integer ?? 0 > 0) }
            #expect(try client.command(flush) == .ok)
            for shard in direct { #expect(try shard.command("DBSIZE") == 0) }
        }
        #expect(try client.command("FLUSHALL", "NONSENSE").isError)
    }

    /// Goal: a random key is found wherever it is, however many shards are empty.
    @Test(arguments: Servers.newest) func randomKeyFindsTheOnlyKey(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        #expect(try client.command("RANDOMKEY") == .null)
        for keys in try rig.keysByShard(prefix: "lonely") {
            _ = try client.command("SET", keys[0], "v")
            for _ in 0..<20 { #expect(try client.command("RANDOMKEY") == .text(keys[0])) }
            _ = try client.command("DEL", keys[0])
        }
    }

    @Test(arguments: Servers.found) func infoSaysWhatTheClientsLookFor(_ server: Server) throws {
        let client = try Rig(server).connect()
        let all = try #require(try client.command("INFO").text)
        #expect(all.contains("redis_version:"))
        #expect(all.contains("# Keyway"))
        #expect(all.contains("\r\n"))
        for section in ["server", "clients", "stats", "keyspace", "keyway", "everything", "all", "default"] {
            let reply = try client.command("INFO", section)
            #expect(reply.bytes != nil, "INFO \(section): \(reply)")
        }
    }

    /// Goal: a broadcast in the middle of a pipeline waits for all its parts and holds up the replies behind it only.
    @Test(arguments: Servers.newest) func broadcastsKeepTheirPlaceInAPipeline(_ server: Server) throws {
        let client = try Rig(server, workers: 2).connect()
        var commands: [[String]] = []
        var expected: [RESPValue] = []
        for turn in 0..<100 {
            commands += [["SET", "k\(turn)", "v\(turn)"], ["DBSIZE"], ["GET", "k\(turn)"], ["ECHO", "\(turn)"]]
            expected += [.ok, .integer(turn + 1), .text("v\(turn)"), .text("\(turn)")]
        }
        #expect(try client.pipeline(commands) == expected)
    }

    /// Goal: where one shard cannot answer, the client hears so; it gets no smaller number that looks like the truth.
    @Test(arguments: Servers.newest) func aBroadcastWithADeadShardIsAnError(_ server: Server) throws {
        let rig = try Rig(server, pool: ["timeout": "1000"])
        let client = try rig.connect()
        _ = try client.command(["MSET"] + (0..<100).flatMap { ["k\($0)", "v"] })
        rig.shards[1].kill()
        for command in [["DBSIZE"], ["KEYS", "*"], ["FLUSHALL"], ["SCRIPT", "LOAD", "return 1"]] {
            let reply = try client.command(command)
            #expect(reply.isError, "\(command): \(reply)")
        }
        #expect(try client.command("PING") == .simple("PONG"))
    }
}
