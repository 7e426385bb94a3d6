// PlacementTests: the shard on which the program really puts a key is the one that `keyway route` names.
// Not here: that it is twemproxy's shard as well (HashingTests, RouteCommandTests: the vectors).

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct PlacementTests {
    private static let hashes = [
        "fnv1a_64", "fnv1_64", "fnv1_32", "fnv1a_32", "one_at_a_time", "md5", "crc16", "crc32", "crc32a", "hsieh",
        "murmur", "jenkins",
    ]

    /// One pool for every hash and distribution, each on a port of its own.
    private struct Pool {
        let name: String
        let endpoint = Endpoint.freeTCP()
        let keys: [String]

        func text(servers: [String]) -> String {
            (["\(name):", "  listen: \(endpoint)"] + keys.map { "  " + $0 } + ["  servers:"]
                + servers.map { "   - " + $0 }).joined(separator: "\n") + "\n"
        }
    }

    private struct Line: Decodable {
        let key: String
        let server: String
        let index: Int
    }

    /// Where each key belongs; keys are bytes.
    private func route(_ keys: [[UInt8]], _ configPath: String, _ words: [String]) throws -> [Line] {
        let input = keys.map { Data($0).base64EncodedString() + "\n" }.joined()
        let answer = try KeywayProcess.run(
            ["route", "-c", configPath, "--json", "--base64"] + words, input: Array(input.utf8))
        guard answer.status == .exited(0) else { throw ChildFailure("keyway route: \(answer)") }
        let lines = try answer.output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        guard lines.map(\.key) == keys.map({ Data($0).base64EncodedString() }) else {
            throw ChildFailure("keyway route --base64: \(answer.output.prefix(500))")
        }
        return lines
    }

    private func binaryKeys(_ count: Int) -> [[UInt8]] {
        var random = SeededRandom.announced()
        return (0..<count).map { index in
            let bytes = (0..<random.below(24)).map { _ in UInt8(random.below(256)) }
            // Some have a hash tag, and one at most is empty.
            return index % 4 == 0 ? Array("{tag\(index)}".utf8) + bytes : bytes + (index == 1 ? [] : [UInt8(index)])
        }
    }

    /// Writes all keys through the pool and says what is not where it should be.
    private func check(
        _ keys: [[UInt8]], at endpoint: Endpoint, on direct: [RESPConnection], expected: [Int],
        _ problems: inout Problems,
        _ name: String
    ) throws {
        let client = try RESPConnection(endpoint)
        let replies = try client.pipeline(keys.map { ["SET", $0, $0] })
        problems.check(replies.allSatisfy { $0 == .ok }, "\(name): \(replies.first { $0 != .ok }!)")
        for (index, shard) in direct.enumerated() {
            let there = try shard.pipeline(keys.map { ["EXISTS", $0] })
            for (position, reply) in there.enumerated() {
                let wanted = RESPValue.integer(expected[position] == index ? 1 : 0)
                problems.check(reply == wanted, "\(name): key \(keys[position]) on shard \(index): EXISTS \(reply)")
            }
        }
        _ = try client.command("FLUSHALL")
    }

    @Test(arguments: Servers.newest) func everyHashAndDistributionPutsKeysWhereRouteSays(_ server: Server) throws {
        let shards = try concurrently(4) { _ in try ServerProcess(server) }
        let servers = shards.enumerated().map { index, shard in
            shard.line(weight: index + 1, name: index % 2 == 0 ? "named\(index)" : nil)
        }
        var pools: [Pool] = []
        for distribution in ["ketama", "modula"] {
            pools += Self.hashes.map {
                Pool(name: "\(distribution)-\($0)", keys: ["hash: \($0)", "distribution: \(distribution)"])
            }
        }
        pools.append(Pool(name: "tagged", keys: ["hash: murmur", "distribution: ketama", "hash_tag: \"{}\""]))
        pools.append(Pool(name: "arm", keys: ["hash: hsieh", "distribution: ketama", "char: unsigned"]))
        pools.append(Pool(name: "slots", keys: ["distribution: slots", "hash_tag: \"{}\""]))
        let keyway = try KeywayProcess(
            config: "keyway:\n  workers: 1\n" + pools.map { $0.text(servers: servers) }.joined(),
            endpoint: pools.last!.endpoint)
        let direct = try shards.map { try $0.connect() }
        let keys = binaryKeys(60)
        var problems = Problems()
        for pool in pools {
            let lines = try route(keys, keyway.configPath!, ["--pool", pool.name])
            for line in lines {
                problems.check(line.server == servers[line.index], "\(pool.name): \(line.index) is \(line.server)")
            }
            try check(keys, at: pool.endpoint, on: direct, expected: lines.map(\.index), &problems, pool.name)
        }
        problems.report()
    }

    /// Goal: `--eject` tells the truth about a fleet without that server.
    /// Method: real placement of a config that lacks it. Ketama keeps the others' points; modula counts anew.
    @Test(arguments: Servers.newest, ["ketama", "modula"])
    func anEjectedServersKeysGoWhereAConfigWithoutItPutsThem(_ server: Server, _ distribution: String) throws {
        let shards = try concurrently(4) { _ in try ServerProcess(server) }
        let out = 2
        let servers = shards.enumerated().map { $1.line(name: "shard\($0)") }
        let rest = servers.indices.filter { $0 != out }
        let folder = TemporaryFolder()
        let pool = Pool(name: "test", keys: ["hash: fnv1a_64", "distribution: \(distribution)"])
        let whole = try folder.write(pool.text(servers: servers), to: "whole.yml")
        let keyway = try KeywayProcess(
            config: "keyway:\n  workers: 1\n" + pool.text(servers: rest.map { servers[$0] }), endpoint: pool.endpoint)
        let keys = binaryKeys(200)
        let lines = try route(keys, whole, ["--eject", String(out)])
        #expect(lines.allSatisfy { $0.index != out && $0.server == servers[$0.index] })
        let before = try route(keys, whole, [])
        #expect(before.contains { $0.index == out })
        var problems = Problems()
        if distribution == "ketama" {
            for (line, old) in zip(lines, before) where old.index != out {
                problems.check(line.index == old.index, "\(line.key) moved from \(old.index) to \(line.index)")
            }
        }
        try check(
            keys, at: pool.endpoint, on: try rest.map { try shards[$0].connect() },
            expected: lines.map { rest.firstIndex(of: $0.index)! }, &problems, distribution)
        problems.report()
        #expect(try keyway.terminate() == .exited(0))
    }
}
