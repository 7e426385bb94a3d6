// What a client is in the middle of: a command that blocks, keys that it watches, a subscription, a scan.
// Each with what goes wrong around it: the client leaves, a server restarts, somebody else writes.

import TestKit
import Testing

@Suite(.serialized) struct SessionStateTests {
    @Test(arguments: Servers.found) func aBlockedClientIsWokenByAnyWriter(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let keys = try rig.keysByShard(prefix: "list")
        for (index, key) in keys.map({ $0[0] }).enumerated() {
            let waiting = try rig.connect()
            try waiting.send("*3\r\n$5\r\nBLPOP\r\n$\(key.utf8.count)\r\n\(key)\r\n$1\r\n0\r\nPING\r\n")
            try waitUntilBlocked(rig, count: 1)
            let direct = try rig.shards[index].connect()
            _ = try direct.command("RPUSH", key, "v")
            #expect(try waiting.replies(2) == [.array([.text(key), .text("v")]), .simple("PONG")])
        }
    }

    /// Goal: a value that comes after its waiting client has gone stays in the list.
    @Test(arguments: Servers.found) func aClientThatLeavesTakesNothingWithIt(_ server: Server) throws {
        let rig = try Rig(server, shards: 1)
        let waiting = try rig.connect()
        try waiting.send("BLPOP list 0\r\n")
        try waitUntilBlocked(rig, count: 1)
        waiting.close()
        try waitUntilBlocked(rig, count: 0)
        let client = try rig.connect()
        _ = try client.command("RPUSH", "list", "v")
        #expect(try client.command("LLEN", "list") == 1)
    }

    @Test(arguments: Servers.found) func unblockReachesAnyWorker(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let client = try rig.connect()
        for (reason, isError) in [("TIMEOUT", false), ("ERROR", true)] {
            for _ in 0..<4 {
                let waiting = try rig.connect()
                let id = try #require(try waiting.command("CLIENT", "ID").integer)
                try waiting.send("BLPOP list 0\r\n")
                try waitUntilBlocked(rig, count: 1)
                #expect(try client.command("CLIENT", "UNBLOCK", "\(id)", reason) == 1)
                let reply = try waiting.reply()
                #expect(reply.isError == isError && (isError || reply == .nullArray), "\(reply)")
                #expect(try client.command("CLIENT", "UNBLOCK", "\(id)", reason) == 0)
            }
        }
    }

    @Test(arguments: Servers.found) func aWatchedKeyThatSomebodyChangedEndsTheTransaction(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        for (index, key) in try rig.keysByShard(prefix: "watched").map({ $0[0] }).enumerated() {
            #expect(try client.command("WATCH", key) == .ok)
            _ = try rig.shards[index].connect().command("SET", key, "theirs")
            #expect(try client.command("MULTI") == .ok)
            #expect(try client.command("SET", key, "ours") == .simple("QUEUED"))
            #expect(try client.command("EXEC") == .nullArray)
            #expect(try client.command("GET", key) == .text("theirs"))
            #expect(try client.command("WATCH", key) == .ok)
            #expect(try client.command("MULTI") == .ok)
            #expect(try client.command("SET", key, "ours") == .simple("QUEUED"))
            #expect(try client.command("EXEC") == [.ok])
            #expect(try client.command("GET", key) == .text("ours"))
        }
    }

    @Test(arguments: Servers.found) func notificationsOfEveryShardAreHeard(_ server: Server) throws {
        let rig = try Rig(server, workers: 2, shardArguments: ["--notify-keyspace-events", "KA"])
        let listener = try rig.connect()
        _ = try listener.command("PSUBSCRIBE", "__keyspace@0__:*")
        let client = try rig.connect()
        for key in try rig.keysByShard(prefix: "noted").map({ $0[0] }) {
            _ = try client.command("SET", key, "v")
            let expected: RESPValue = [
                .text("pmessage"), .text("__keyspace@0__:*"), .text("__keyspace@0__:\(key)"), .text("set"),
            ]
            #expect(try listener.reply() == expected)
        }
    }

    @Test(arguments: Servers.found) func aSubscriptionOutlivesItsServer(_ server: Server) throws {
        let rig = try Rig(server, shards: 1)
        let (listener, client) = (try rig.connect(), try rig.connect())
        _ = try listener.command("SUBSCRIBE", "news")
        #expect(try client.command("PUBLISH", "news", "1") == 1)
        _ = try listener.reply()
        rig.shards[0].kill()
        try rig.shards[0].restart()
        try eventually("the subscription is back") { (try? client.command("PUBLISH", "news", "2") == 1) ?? false }
        #expect(try listener.reply() == [.text("message"), .text("news"), .text("2")])
    }

    /// Goal: a key that is there throughout is returned, though a server loses its place in the middle.
    @Test(arguments: Servers.found) func aScanOutlivesARestart(_ server: Server) throws {
        let rig = try Rig(server, shardArguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let client = try rig.connect()
        let keys = Set((0..<2_000).map { "key:\($0)" })
        _ = try client.command(["MSET"] + keys.flatMap { [$0, "v"] })
        var (cursor, seen, rounds) = ("0", Set<String>(), 0)
        repeat {
            let reply = try client.command("SCAN", cursor, "COUNT", "50")
            guard case .array(let parts) = reply, let next = parts[0].text else {
                Issue.record("SCAN answered \(reply)")
                return
            }
            cursor = next
            seen.formUnion(parts[1].sortedTexts)
            rounds += 1
            if rounds % 12 == 5, rounds < 40 {
                rig.shards[rounds / 12 % 4].kill()
                try rig.shards[rounds / 12 % 4].restart()
                try eventually("every shard answers") { (try? client.command("DBSIZE") == 2_000) ?? false }
            }
        } while cursor != "0" && rounds < 1_000
        #expect(seen == keys && cursor == "0")
    }

    /// Goal: a command that Keyway never heard of goes to its key's shard. Method: servers with a renamed GET.
    @Test(arguments: Servers.found) func aCommandOfTheServersIsLearned(_ server: Server) throws {
        let rig = try Rig(server, shardArguments: ["--rename-command", "STRLEN", "MEASURE"])
        let client = try rig.connect()
        for key in try rig.keysByShard(prefix: "long").map({ $0[0] }) {
            _ = try client.command("SET", key, "four")
            #expect(try client.command("MEASURE", key) == 4)
        }
        #expect(try client.command("NOSUCH", "a").errorText?.hasPrefix("ERR unknown command 'NOSUCH'") == true)
    }

    /// Goal: a script that one shard has seen works on all, and none runs twice. Method: a script that writes and then
    /// claims, in the servers' own words, that it was not found.
    @Test(arguments: Servers.found) func aScriptIsKnownOnEveryShard(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let client = try rig.connect()
        let keys = try rig.keysByShard(prefix: "counter").map { $0[0] }
        let script = "return redis.call('INCR', KEYS[1])"
        let digest = "b5f2e8c5e5e4e1a1b1c9d6a0a5f0b0a7b7a3f1d2"
        #expect(try client.command("EVALSHA", digest, "1", keys[0]).errorText?.hasPrefix("NOSCRIPT") == true)
        #expect(try client.command("EVAL", script, "1", keys[0]) == 1)
        let known = try #require(try client.command("SCRIPT", "LOAD", script).text)
        for shard in rig.shards { _ = try shard.connect().command("SCRIPT", "FLUSH") }
        for (index, key) in keys.enumerated() {
            #expect(try client.command("EVALSHA", known, "1", key) == .integer(index == 0 ? 2 : 1))
            #expect(try client.command("EVALSHA", known, "1", key) == .integer(index == 0 ? 3 : 2))
        }
        let liar = "redis.call('INCR', KEYS[1]); return redis.error_reply('NOSCRIPT No matching script.')"
        let liarDigest = try #require(try client.command("SCRIPT", "LOAD", liar).text)
        let before = try client.command("GET", keys[1]).text.flatMap { Int($0) } ?? 0
        #expect(try client.command("EVALSHA", liarDigest, "1", keys[1]).errorText?.hasPrefix("NOSCRIPT") == true)
        #expect(try client.command("GET", keys[1]) == .text("\(before + 1)"))
    }

    private func waitUntilBlocked(_ rig: Rig, count: Int) throws {
        let direct = try rig.shards.map { try $0.connect() }
        try eventually("\(count) clients are blocked") {
            let blocked = direct.reduce(0) { sum, shard in
                let text = (try? shard.command("INFO", "clients"))?.text ?? ""
                let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("blocked_clients:") }
                return sum + (line.flatMap { Int($0.dropFirst(16)) } ?? 0)
            }
            return blocked == count
        }
    }
}
