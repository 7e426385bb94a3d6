// Reads of hot keys that are spread over copies on several real servers: of every type, in both protocols, and what
// becomes of them when servers, copies or Keyway itself are gone.

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct SpreadTests {
    private static let keys = [
        "hot_keys": "replicate", "hot_key_rate": "1", "hot_key_share": "0", "hot_key_reads_per_write": "0",
    ]

    private func rig(_ server: Server, _ more: [String: String] = [:]) throws -> Rig {
        try Rig(server, workers: 1, pool: Self.keys.merging(more) { $1 })
    }

    private func metric(_ client: RESPConnection, _ name: String) throws -> Int {
        let lines = (try client.command("INFO", "keyway").text ?? "").split(separator: "\r\n")
        return lines.first { $0.hasPrefix("keyway_\(name):") }.flatMap { Int($0.drop { $0 != ":" }.dropFirst()) } ?? 0
    }

    /// Reads until copies answer.
    private func heat(_ client: RESPConnection, _ command: [String]) throws {
        let before = try metric(client, "spread_reads")
        try eventually("copies of \(command) are read") {
            for _ in 0..<50 { _ = try client.command(command) }
            return try metric(client, "spread_reads") >= before + 40
        }
    }

    private func copies(on shard: ServerProcess) throws -> [String] {
        try shard.connect().command("KEYS", "__keyway:*").elements.compactMap(\.text)
    }

    private static let types: [(write: [String], reads: [[String]])] = [
        (["SET", "string", "hello"], [["GET"], ["GETRANGE", "1", "2"], ["STRLEN"], ["BITPOS", "1"]]),
        (
            ["HSET", "hash", "f", "v", "g", "1"],
            [["HGETALL"], ["HGET", "f"], ["HGET", "none"], ["HMGET", "none", "nothing"]]
        ),
        (["RPUSH", "list", "a", "b", "c"], [["LRANGE", "0", "-1"], ["LPOS", "b"], ["LPOS", "z"]]),
        (["SADD", "set", "m"], [["SMEMBERS"], ["SISMEMBER", "m"], ["SISMEMBER", "z"], ["SCARD"]]),
        (
            ["ZADD", "zset", "1", "a", "2.5", "b"],
            [["ZRANGE", "0", "-1", "WITHSCORES"], ["ZSCORE", "b"], ["ZSCORE", "z"], ["ZRANK", "b"]]
        ),
        (["XADD", "stream", "1-1", "f", "v"], [["XRANGE", "-", "+"], ["XLEN"], ["XRANGE", "5", "6"]]),
        (["GEOADD", "geo", "13.4", "52.5", "berlin"], [["GEOPOS", "berlin"], ["GEOPOS", "nowhere"], ["TYPE"]]),
    ]

    @Test(arguments: Servers.found) func everyTypeIsReadFromCopies(_ server: Server) throws {
        let rig = try rig(server)
        let (two, three) = (try rig.connect(), try rig.connect())
        _ = try three.command("HELLO", 3)
        for (write, reads) in Self.types {
            _ = try two.command(write)
            let key = write[1]
            let home = rig.shards[try rig.shardIndices(of: [key])[0]]
            let (homeTwo, homeThree) = (try home.connect(), try home.connect())
            _ = try homeThree.command("HELLO", 3)
            try heat(two, [reads[0][0], key] + reads[0].dropFirst())
            for read in reads {
                let command = [read[0], key] + read.dropFirst()
                let before = try metric(two, "spread_reads")
                let (expected, expectedThree) = (try homeTwo.command(command), try homeThree.command(command))
                for _ in 0..<10 {
                    #expect(try two.command(command) == expected, "\(command)")
                    #expect(try three.command(command) == expectedThree, "\(command)")
                }
                #expect(try metric(two, "spread_reads") >= before + 15, "\(command)")
            }
        }
        #expect(try metric(two, "spread_reads_home") == 0)
        #expect(try rig.shards.allSatisfy { try !copies(on: $0).isEmpty })
    }

    @Test(arguments: Servers.newest) func whatKilledKeywaysLeaveEndsByItself(_ server: Server) throws {
        let rig = try rig(server, ["timeout": "200", "hot_key_life": "2000"])
        let client = try rig.connect()
        #expect(try client.command("SET", "k", "v") == .ok)
        try heat(client, ["GET", "k"])
        #expect(try rig.shards.contains { try !copies(on: $0).isEmpty })
        rig.keyway.kill()
        try eventually("the copies' time is over") { try rig.shards.allSatisfy { try copies(on: $0).isEmpty } }
    }

    @Test(arguments: Servers.newest) func copiesThatVanishCostNoWrongReply(_ server: Server) throws {
        let rig = try rig(server)
        let client = try rig.connect()
        #expect(try client.command("SET", "k", "v") == .ok)
        let home = try rig.shardIndices(of: ["k"])[0]
        for round in 0..<4 {
            try heat(client, ["GET", "k"])
            for (index, shard) in rig.shards.enumerated() where index != home {
                let direct = try shard.connect()
                if round.isMultiple(of: 2) {
                    _ = try direct.command("FLUSHALL")
                } else {
                    for copy in try copies(on: shard) { _ = try direct.command("DEL", copy) }
                }
                for _ in 0..<20 { #expect(try client.command("GET", "k") == "v") }
            }
        }
        #expect(try metric(client, "spread_proofs") > 0)
    }

    @Test(arguments: Servers.newest) func aFrozenServerCostsFewReads(_ server: Server) throws {
        let rig = try rig(server, ["timeout": "500"])
        let clients = try (0..<20).map { _ in try rig.connect() }
        #expect(try clients[0].command("SET", "k", "v") == .ok)
        try heat(clients[0], ["GET", "k"])
        let home = try rig.shardIndices(of: ["k"])[0]
        let frozen = rig.shards[(home + 1) % 4]
        frozen.pause()
        defer { frozen.resume() }
        var errorCount = 0
        for _ in 0..<50 {
            for client in clients { try client.send(respCommand(["GET", "k"].map { Array($0.utf8) })) }
            for client in clients where try client.reply() != "v" { errorCount += 1 }
        }
        #expect(errorCount <= 20, "\(errorCount) of 1000")
    }

    @Test(arguments: Servers.newest) func readsGoOnWhileTheKeysServerIsDown(_ server: Server) throws {
        let rig = try rig(server, ["serve_stale": "60000", "timeout": "500", "breaker_open": "100"])
        let client = try rig.connect()
        #expect(try client.command("SET", "k", "v") == .ok)
        try heat(client, ["GET", "k"])
        let home = rig.shards[try rig.shardIndices(of: ["k"])[0]]
        home.kill()
        try eventually("it is known to be down") { try client.command("GET", "k") == "v" }
        for _ in 0..<100 { #expect(try client.command("GET", "k") == "v") }
        #expect(try client.command("SET", "k", "w").text?.hasPrefix("SHARDDOWN") == true)
        #expect(try client.command("GET", "k") == "v")
        #expect(try metric(client, "spread_reads_stale") > 100)
        try home.restart()
        #expect(try home.connect().command("SET", "k", "x") == .ok)
        try eventually("what it has now is read") { try client.command("GET", "k") == "x" }
    }

    @Test(arguments: Servers.newest) func clientsDoNotSeeCopies(_ server: Server) throws {
        let rig = try rig(server)
        let client = try rig.connect()
        #expect(try client.command("MSET", "k", "v", "other", "w") == .ok)
        try heat(client, ["GET", "k"])
        #expect(try client.command("DBSIZE") == 2)
        #expect(try Set(client.command("KEYS", "*").elements.compactMap(\.text)) == ["k", "other"])
        var (cursor, found) = ("0", Set<String>())
        repeat {
            let reply = try client.command("SCAN", cursor, "COUNT", "1000").elements
            cursor = reply[0].text!
            found.formUnion(reply[1].elements.compactMap(\.text))
        } while cursor != "0"
        #expect(found == ["k", "other"])
        for _ in 0..<50 { #expect(try ["k", "other"].contains(client.command("RANDOMKEY").text)) }
        let copy = try copies(on: rig.shards[0])[0]
        #expect(try client.command("GET", copy).text?.hasPrefix("NOTSUPPORTED keys that begin with") == true)
        #expect(try client.command("DEL", "k", copy).text?.hasPrefix("NOTSUPPORTED keys that begin with") == true)
    }

    /// Goal: where servers do not take each other's values, hot keys are answered from memory.
    @Test func serversOfSeveralVersionsFallBackToMemory() throws {
        let versions = [9, 8].compactMap { major in Servers.found.last { $0.major == major } }
        guard versions.count == 2 else { return say("two versions of the server are not there; not tested") }
        let shards = try versions.map { try ServerProcess($0) }
        let endpoint = Endpoint.freeTCP()
        let config = Rig.config(
            listen: endpoint.description, servers: shards.enumerated().map { $1.line(name: "shard\($0)") },
            pool: Self.keys)
        let keyway = try KeywayProcess(config: config, endpoint: endpoint)
        let client = try RESPConnection(endpoint)
        for index in 0..<20 { #expect(try client.command("SET", "k\(index)", "v\(index)") == .ok) }
        try eventually("copies in memory are read") {
            for index in 0..<20 { #expect(try client.command("GET", "k\(index)") == .text("v\(index)")) }
            return try metric(client, "copy_hits") > 100
        }
        #expect(keyway.output.contains("takes no copies of hot keys"), "\(keyway.output)")
    }
}
