// Engine+Info: INFO as a server gives it, with what is Keyway's own and what its shards say together.
// Sections: server, clients, stats, keyway (its counters), shards (one line each), memory and keyspace (added up).
// Not here: the counters themselves (Telemetry), twemproxy's statistics (Telemetry/StatsJSON).

import Glibc
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// The parts are the shards' own INFO texts; a shard that is down has none.
    mutating func answerInfo(_ merge: MergeRef) {
        let client = merge.pointee.client
        var texts: [String?] = []
        for index in 0..<merge.pointee.partCount {
            let part = merge.pointee.parts[index]
            let isText = part.chunk != nil && part.reply.count > 0 && part.reply[0] == 0x24
            texts.append(isText ? String(decoding: part.reply.buffer, as: UTF8.self) : nil)
        }
        let text = infoText(poolIndex: client.pointee.poolIndex, shardTexts: texts)
        var reply = ReplyBuilder(version: client.pointee.version)
        reply.verbatim(text)
        pools[client.pointee.poolIndex].counters.add(.localReplies)
        answer(client, merge.pointee.sequence, bytes: reply.bytes)
    }

    private func infoText(poolIndex: Int, shardTexts: [String?]) -> String {
        let shards = shardTexts.map { $0.map(Self.fields) ?? [:] }
        let snapshot = allCounters.snapshot()
        var sections: [(String, [(String, String)])] = []
        sections.append(("Server", serverFields(shards)))
        sections.append(
            (
                "Clients",
                [
                    ("connected_clients", String(shared.connectedClients)),
                    ("maxclients", String(shared.clientsMax)),
                ]
            ))
        sections.append(("Memory", Self.memoryFields(shards)))
        sections.append(("Stats", Self.statsFields(snapshot)))
        sections.append(("Replication", [("role", "master"), ("connected_slaves", "0")]))
        sections.append(("Cluster", [("cluster_enabled", "0")]))
        sections.append(("Keyway", keywayFields(snapshot, poolIndex)))
        sections.append(("Shards", shardFields(poolIndex, shardTexts, shards, snapshot)))
        sections.append(("Keyspace", Self.keyspaceFields(shards)))
        return sections.map { title, fields in
            "# \(title)\r\n" + fields.map { "\($0.0):\($0.1)\r\n" }.joined()
        }.joined(separator: "\r\n")
    }

    /// `key:value` lines; the reply's own header and section titles have none.
    private static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }

    private func serverFields(_ shards: [[String: String]]) -> [(String, String)] {
        let compatible = shards.lazy.compactMap { $0["redis_version"] }.first ?? "7.2.4"
        return [
            ("redis_version", compatible), ("keyway_version", options.version),
            ("server_name", "keyway"), ("redis_mode", "standalone"), ("process_id", String(getpid())),
            ("multiplexing_api", "epoll"), ("workers", String(options.workerCount)),
            ("uptime_in_seconds", String(shared.uptimeSeconds)),
            ("uptime_in_days", String(shared.uptimeSeconds / 86_400)),
        ]
    }

    private static func memoryFields(_ shards: [[String: String]]) -> [(String, String)] {
        let used = shards.compactMap { $0["used_memory"].flatMap { Int($0) } }.reduce(0, +)
        let limit = shards.compactMap { $0["maxmemory"].flatMap { Int($0) } }.reduce(0, +)
        return [("used_memory", String(used)), ("maxmemory", String(limit))]
    }

    private static func statsFields(_ snapshot: CounterSnapshot) -> [(String, String)] {
        let commands = snapshot.pools.map { $0.values[.commands] }.reduce(0, +)
        return [
            ("total_connections_received", String(snapshot.process[.clientsAccepted])),
            ("total_commands_processed", String(commands)),
            ("total_net_input_bytes", String(snapshot.process[.bytesIn])),
            ("total_net_output_bytes", String(snapshot.process[.bytesOut])),
            ("rejected_connections", String(snapshot.process[.clientsRejected])),
        ]
    }

    private func keywayFields(_ snapshot: CounterSnapshot, _ poolIndex: Int) -> [(String, String)] {
        let pool = snapshot.pools[poolIndex]
        return [("keyway_pool", pool.name)]
            + WorkerMetric.allCases.map { ("keyway_\($0.row.name)", String(snapshot.process[$0])) }
            + PoolMetric.allCases.map { ("keyway_\($0.row.name)", String(pool.values[$0])) }
    }

    private func shardFields(
        _ poolIndex: Int, _ texts: [String?], _ shards: [[String: String]], _ snapshot: CounterSnapshot
    ) -> [(String, String)] {
        snapshot.pools[poolIndex].servers.enumerated().map { index, server in
            let names = pools[poolIndex].options.shards[index]
            var parts = [
                "name=\(names.name)", "addr=\(names.endpoint.text)", "state=\(texts[index] == nil ? "down" : "up")",
            ]
            if let keys = shards[index]["db0"]?.split(separator: ",").first { parts.append(String(keys)) }
            if let memory = shards[index]["used_memory"] { parts.append("used_memory=\(memory)") }
            parts += ServerMetric.allCases.map { "\($0.row.name)=\(server.values[$0])" }
            return ("shard\(index)", parts.joined(separator: ","))
        }
    }

    /// `db0:keys=1,expires=0,...`, the numbers of all shards added.
    private static func keyspaceFields(_ shards: [[String: String]]) -> [(String, String)] {
        var keys = 0
        var expires = 0
        for shard in shards {
            for pair in (shard["db0"] ?? "").split(separator: ",") {
                let parts = pair.split(separator: "=")
                guard parts.count == 2, let value = Int(parts[1]) else { continue }
                if parts[0] == "keys" { keys += value }
                if parts[0] == "expires" { expires += value }
            }
        }
        return keys == 0 ? [] : [("db0", "keys=\(keys),expires=\(expires),avg_ttl=0")]
    }
}
