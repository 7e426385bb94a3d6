// Rig: real shards, the real program in front of them, and where each key belongs.
// Every test builds its own, on its own ports; it is gone when the test lets go of it.

import Foundation
import TestKit

final class Rig: Sendable {
    let shards: [ServerProcess]
    let keyway: KeywayProcess
    let endpoint: Endpoint

    /// - Parameters:
    ///   - pool: more keys of the pool, or other values for those that the rig sets itself.
    ///   - process: more keys of the `keyway:` block.
    init(
        _ server: Server, shards shardCount: Int = 4, workers: Int = 1, pool: [String: String] = [:],
        process: [String: String] = [:], unixShards: Bool = false, shardArguments: [String] = [],
        listen: String? = nil, openFileLimit: Int? = nil, environment: [String: String] = [:]
    ) throws {
        shards = try concurrently(shardCount) { _ in
            try ServerProcess(server, unixSocket: unixShards, arguments: shardArguments)
        }
        endpoint = .freeTCP()
        let config = Rig.config(
            listen: endpoint.description, servers: shards.enumerated().map { $1.line(name: "shard\($0)") },
            workers: workers, pool: pool, process: process)
        keyway = try KeywayProcess(
            config: config, endpoint: endpoint, environment: environment, openFileLimit: openFileLimit)
    }

    /// A config file with one pool called `test`. Its hash is md5 because the default one, fnv1a_64 in 32 bits as
    /// twemproxy has it, leaves keys that differ in their last digit close together, and a shard without any.
    static func config(
        listen: String, servers: [String], workers: Int = 1, pool: [String: String] = [:],
        process: [String: String] = [:]
    ) -> String {
        let base = [
            "listen": listen, "hash": "md5", "hash_tag": "\"{}\"", "distribution": "ketama", "redis": "true",
            "timeout": "10000",
        ]
        let poolKeys = base.merging(pool) { $1 }.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        let processKeys = ["workers": String(workers)].merging(process) { $1 }.map { "  \($0.key): \($0.value)" }
        return (["keyway:"] + processKeys + ["test:"] + poolKeys + ["  servers:"] + servers.map { "    - \($0)" })
            .joined(separator: "\n") + "\n"
    }

    /// A client connection, which keeps the rig alive.
    func connect(timeoutSeconds: Double = 20, receiveBufferBytes: Int? = nil) throws -> RESPConnection {
        let connection = try RESPConnection(
            endpoint, timeoutSeconds: timeoutSeconds, receiveBufferBytes: receiveBufferBytes)
        connection.owner = self
        return connection
    }

    /// The index of each key's shard, as `keyway route --json` says.
    func shardIndices(of keys: [String]) throws -> [Int] {
        struct Line: Decodable {
            let key: String
            let server: String
            let index: Int
        }
        let answer = try KeywayProcess.run(
            ["route", "-c", keyway.configPath!, "--json"], input: Array((keys.joined(separator: "\n") + "\n").utf8))
        guard answer.status == .exited(0) else { throw ChildFailure("keyway route: \(answer)") }
        let lines = try answer.output.split(separator: "\n").map {
            try JSONDecoder().decode(Line.self, from: Data($0.utf8))
        }
        guard lines.map(\.key) == keys else { throw ChildFailure("keyway route: \(answer.output)") }
        return lines.map(\.index)
    }

    /// `count` keys on each shard, all starting with `prefix`.
    func keysByShard(prefix: String, count: Int = 1) throws -> [[String]] {
        let candidates = (0..<shards.count * (count + 8) * 4).map { "\(prefix)\($0)" }
        var keys = [[String]](repeating: [], count: shards.count)
        for (key, index) in zip(candidates, try shardIndices(of: candidates)) where keys[index].count < count {
            keys[index].append(key)
        }
        guard keys.allSatisfy({ $0.count == count }) else {
            throw ChildFailure("no \(count) keys on every shard: \(keys.map(\.count))")
        }
        return keys
    }
}
