// SameShardTests: commands and scripts whose keys have to be on one shard, and the error when they are not.

import TestKit
import Testing

@Suite(.serialized) struct SameShardTests {
    @Test(arguments: Servers.found) func hashTagsKeepKeysTogether(_ server: Server) throws {
        let oracle = try ServerProcess(server).connect()
        let client = try Rig(server).connect()
        let script = """
            SET {t}a 1|RENAME {t}a {t}b|RENAMENX {t}b {t}c|COPY {t}c {t}d|MSETNX {t}x 1 {t}y 2|MSETNX {t}x 1 {t}new 2
            RPUSH {t}l a b c|LMOVE {t}l {t}m LEFT RIGHT|RPOPLPUSH {t}l {t}m|LMPOP 2 {t}none {t}m LEFT
            SADD {t}s1 a b|SADD {t}s2 b c|SMOVE {t}s1 {t}s2 a|SDIFFSTORE {t}s3 {t}s2 {t}s1
            SINTERSTORE {t}s3 {t}s1 {t}s2|SUNIONSTORE {t}s3 {t}s1 {t}s2|RPUSH {t}n 3 1 2|SORT {t}n|SORT_RO {t}n DESC
            SORT {t}n STORE {t}sorted|ZADD {t}z1 1 a 2 b|ZADD {t}z2 5 a|ZUNIONSTORE {t}z3 2 {t}z1 {t}z2
            ZINTERSTORE {t}z3 2 {t}z1 {t}z2|ZDIFFSTORE {t}z3 2 {t}z1 {t}z2|ZRANGESTORE {t}z4 {t}z1 0 -1
            ZMPOP 1 {t}z1 MIN|BITOP OR {t}bits {t}c {t}d|PFADD {t}p1 a|PFADD {t}p2 b|PFMERGE {t}p3 {t}p1 {t}p2
            GEOADD {t}g 13 38 P|GEOSEARCHSTORE {t}g2 {t}g FROMLONLAT 13 38 BYRADIUS 1 km|GEORADIUS {t}g 13 38 1 km
            GEORADIUSBYMEMBER {t}g P 1 km|RENAME {t}none {t}other
            """
        var problems = Problems()
        for line in script.split(whereSeparator: { $0 == "\n" || $0 == "|" }) {
            let command = line.split(separator: " ").map(String.init)
            let expected = try oracle.command(command)
            let reply = try client.command(command)
            problems.check(reply == expected, "\(line): \(reply); one server says \(expected)")
        }
        problems.report()
    }

    /// Goal: nothing is done by halves; the error names the keys so that a person can see the remedy.
    @Test(arguments: Servers.found) func keysOfTwoShardsGetAnErrorThatNamesThem(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let keys = try rig.keysByShard(prefix: "k")
        let (one, two) = (keys[0][0], keys[1][0])
        _ = try client.pipeline([["SET", one, "1"], ["SET", two, "2"]])
        let commands: [[any RESPArgument]] = [
            ["RENAME", one, two], ["COPY", one, two], ["MSETNX", one, "x", two, "y"], ["SMOVE", one, two, "m"],
            ["LMOVE", one, two, "LEFT", "LEFT"], ["SUNIONSTORE", one, two, two], ["BITOP", "OR", one, two],
            ["PFMERGE", one, two], ["ZUNIONSTORE", one, 2, one, two], ["LMPOP", 2, one, two, "LEFT"],
            ["EVAL", "return redis.call('SET', KEYS[1], 'x')", 2, one, two],
        ]
        for command in commands {
            let text = try client.command(command).errorText ?? ""
            #expect(text.contains(one) && text.contains(two), "\(command[0]): \(text)")
            #expect(text.hasPrefix("CROSSSLOT") || text.hasPrefix("CROSSSHARD"), "\(command[0]): \(text)")
        }
        #expect(try client.command("MGET", one, two) == ["1", "2"])
    }

    @Test(arguments: Servers.found) func scriptsRunOnTheShardOfTheirKeys(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let script = "redis.call('SET', KEYS[1], ARGV[1]) return {KEYS[1], redis.call('GET', KEYS[1])}"
        let keys = try rig.keysByShard(prefix: "script:", count: 3)
        for (index, keys) in keys.enumerated() {
            let direct = try rig.shards[index].connect()
            for key in keys {
                #expect(try client.command("EVAL", script, 1, key, "of " + key) == [.text(key), .text("of " + key)])
                #expect(try direct.command("GET", key) == .text("of " + key))
            }
        }
        #expect(try client.command("EVAL_RO", "return redis.call('GET', KEYS[1])", 1, keys[2][0]).text != nil)
        #expect(try client.command("EVAL", "return 7", 0) == 7)
        #expect(try client.command("EVAL", "return ARGV[1]", 0, "x") == "x")
        #expect(try client.command("EVAL", "return redis.call('NOSUCH')", 1, keys[0][0]).isError)
        #expect(try client.command("EVAL", "return 1", "x").isError)
        #expect(try client.command("EVAL", "return 1", 3, "a").isError)
    }

    @Test(arguments: Servers.found) func aLoadedScriptIsOnEveryShard(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let missing = String(repeating: "0", count: 40)
        let text = try client.command("SCRIPT", "LOAD", "return KEYS[1]")
        let digest = try #require(text.text)
        #expect(digest.count == 40)
        let direct = try rig.shards.map { try $0.connect() }
        for shard in direct { #expect(try shard.command("SCRIPT", "EXISTS", digest) == [1]) }
        for keys in try rig.keysByShard(prefix: "k") {
            #expect(try client.command("EVALSHA", digest, 1, keys[0]) == .text(keys[0]))
            #expect(try client.command("EVALSHA_RO", digest, 1, keys[0]) == .text(keys[0]))
            #expect(try client.command("EVALSHA", missing, 1, keys[0]).errorText?.hasPrefix("NOSCRIPT") == true)
        }
        #expect(try client.command("SCRIPT", "EXISTS", digest, missing) == [1, 0])

        for command in [["SCRIPT", "KILL"], ["FUNCTION", "KILL"]] {
            #expect(try client.command(command) == direct[0].command(command))
        }

        // A script that one shard lost is not there: EVALSHA would fail for some keys.
        #expect(try direct[2].command("SCRIPT", "FLUSH") == .ok)
        #expect(try client.command("SCRIPT", "EXISTS", digest, missing) == [0, 0])
        #expect(try client.command("SCRIPT", "FLUSH") == .ok)
        for shard in direct { #expect(try shard.command("SCRIPT", "EXISTS", digest) == [0]) }
    }

    @Test(arguments: Servers.found) func functionsAreLoadedAndDeletedEverywhere(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let library = """
            #!lua name=shelf
            redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
            redis.register_function{
              function_name='take', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}
            """
        #expect(try client.command("FUNCTION", "LOAD", library) == "shelf")
        #expect(try client.command("FUNCTION", "LOAD", library).isError)
        #expect(try client.command("FUNCTION", "LOAD", "REPLACE", library) == "shelf")
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        for key in keys {
            #expect(try client.command("FCALL", "put", 1, key, "of " + key) == .ok)
            #expect(try client.command("FCALL_RO", "take", 1, key) == .text("of " + key))
        }
        let direct = try rig.shards.map { try $0.connect() }
        for shard in direct { #expect(try shard.command("FUNCTION", "LIST").elements.count == 1) }
        #expect(try client.command("FUNCTION", "DELETE", "shelf") == .ok)
        for shard in direct { #expect(try shard.command("FUNCTION", "LIST") == []) }
        #expect(try client.command("FUNCTION", "DELETE", "shelf").isError)
        _ = try client.command("FUNCTION", "LOAD", library)
        #expect(try client.command("FUNCTION", "FLUSH") == .ok)
        for shard in direct { #expect(try shard.command("FUNCTION", "LIST") == []) }
        #expect(try client.command("FCALL", "put", 1, keys[0], "x").isError)
    }
}
