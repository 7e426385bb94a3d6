// OverviewText: the overview as lines for a terminal: what stands on the page, in as many rows and columns as there
// are.
// Not here: asking for it (AdminClient), when the screen is drawn anew (the program).

package import Foundation

package struct OverviewText: Sendable {
    private let overview: Overview

    /// - Parameter json: what /api/overview answers.
    /// - Returns: nil for what is no overview.
    package init?(json: Data) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let overview = try? decoder.decode(Overview.self, from: json) else { return nil }
        self.overview = overview
    }

    /// - Parameters:
    ///   - columns: longer lines are cut.
    ///   - rows: what is behind them is left out; the least important comes last.
    package func lines(columns: Int, rows: Int) -> [String] {
        let parts = [head, pools, commands, hotKeys, slow, events]
        var lines: [String] = []
        for part in parts where !part.isEmpty {
            if !lines.isEmpty { lines.append("") }
            lines += part
        }
        return lines.prefix(max(1, rows)).map { Self.cut($0, columns) }
    }

    // MARK: Parts

    private var head: [String] {
        let (keyway, traffic, memory) = (overview.keyway, overview.traffic, overview.memory)
        let state = keyway.notReady.map { "NOT READY: \($0)" } ?? "ready"
        let busy = overview.workers.map { Self.percent($0.busyShare) }.joined(separator: " ")
        let limit = memory.limitBytes > 0 ? " of \(Self.bytes(memory.limitBytes))" : ""
        return [
            "keyway \(keyway.version)  \(state)  up \(keyway.uptimeS) s  process \(keyway.processId)  "
                + "clients \(keyway.clients)/\(keyway.clientsMax)",
            "commands/s \(Self.short(traffic.commandsPerS))  errors/s \(Self.short(traffic.errorsPerS))  "
                + "p50 \(Self.time(traffic.latency.p50Us))  p99 \(Self.time(traffic.latency.p99Us))  "
                + "p99.9 \(Self.time(traffic.latency.p999Us))  hits \(Self.percent(traffic.hitShare))",
            "cpu \(Self.percent(keyway.cpuShare))  workers busy \(busy)  "
                + "buffers \(Self.bytes(memory.bufferBytes))\(limit)  resident \(Self.bytes(memory.residentBytes))",
        ]
    }

    private var pools: [String] {
        overview.pools.flatMap { pool in
            let heads = ["SHARD", "STATE", "KEYS", "REQ/S", "FLIGHT", "QUEUE P99", "P50", "P99", "HITS", "FAILED/S"]
            let rows = pool.shards.map { shard in
                [
                    shard.name, Self.state(shard), Self.percent(shard.ringShare), Self.short(shard.requestsPerS),
                    String(shard.inFlight + shard.queued), Self.queueTime(shard.queue.p99Us),
                    Self.time(shard.backend.p50Us), Self.time(shard.backend.p99Us), Self.percent(shard.hitShare),
                    Self.short(shard.failuresPerS),
                ]
            }
            return ["pool \(pool.name) on \(pool.listen), \(Self.short(pool.commandsPerS)) commands/s"]
                + Self.table(heads, rows, textColumns: 2)
        }
    }

    private var commands: [String] {
        let rows = overview.pools.flatMap { pool in
            pool.commands.prefix(6).map { command in
                [
                    command.name, pool.name, Self.short(command.perS), Self.time(command.latency.p50Us),
                    Self.time(command.latency.p99Us), Self.time(command.latency.p999Us),
                ]
            }
        }
        return rows.isEmpty
            ? [] : Self.table(["COMMAND", "POOL", "CALLS/S", "P50", "P99", "P99.9"], rows, textColumns: 2)
    }

    private var hotKeys: [String] {
        let rows = overview.hotKeys.prefix(8).map { key in
            [
                Self.printable(key.key), "\(key.pool)/\(key.shard)", Self.short(key.readsPerS),
                Self.short(key.writesPerS), Self.percent(key.shardShare),
            ]
        }
        return rows.isEmpty
            ? [] : Self.table(["HOT KEY", "SHARD", "READS/S", "WRITES/S", "OF SHARD"], rows, textColumns: 2)
    }

    private var slow: [String] {
        let rows = overview.slowLog.prefix(6).map { slow in
            [
                slow.command, "\(slow.pool)/\(slow.shard)", slow.outcome, Self.time(Double(slow.totalUs)),
                Self.time(Double(slow.queueUs)), Self.time(Double(slow.backendUs)), Self.time(Double(slow.mergeUs)),
            ]
        }
        let heads = ["SLOW", "SHARD", "OUTCOME", "TOTAL", "QUEUE", "SERVER", "MERGE"]
        return rows.isEmpty ? [] : Self.table(heads, rows, textColumns: 3)
    }

    private var events: [String] {
        let style = Date.ISO8601FormatStyle().time(includingFractionalSeconds: false)
        return overview.events.prefix(6).map { event in
            let at = Date(timeIntervalSince1970: Double(event.atMs) / 1_000).formatted(style)
            return "\(at)  \(event.subject): \(Self.printable(event.text))"
        }
    }

    private static func state(_ shard: Overview.Shard) -> String {
        if shard.breaker == "open" { return "DOWN" }
        if shard.ring != "in" { return shard.ring == "held" ? "held out" : "out" }
        return shard.breaker == "trickling" ? "recovering" : "up"
    }

    // MARK: Forms

    /// - Parameter textColumns: so many from the left are texts, the others numbers and stand at the right.
    private static func table(_ heads: [String], _ rows: [[String]], textColumns: Int) -> [String] {
        let all = [heads] + rows
        let widths = heads.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column < textColumns ? text + padding : padding + text
            }.joined(separator: "  ")
        }
    }

    private static func cut(_ line: String, _ columns: Int) -> String {
        line.count <= columns ? line : String(line.prefix(max(0, columns - 1))) + "…"
    }

    /// Nothing that a terminal would obey.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }

    private static func short(_ value: Double) -> String {
        switch value {
        case ..<10: String(format: "%.1f", value)
        case ..<10_000: String(format: "%.0f", value)
        case ..<1_000_000: String(format: "%.1fk", value / 1_000)
        default: String(format: "%.2fM", value / 1_000_000)
        }
    }

    private static func percent(_ share: Double?) -> String { share.map { String(format: "%.0f %%", $0 * 100) } ?? "-" }

    /// What waits in Keyway is known to a millisecond.
    private static func queueTime(_ us: Double?) -> String { us.map { $0 < 1_000 ? "<1 ms" : time($0) } ?? "-" }

    private static func time(_ us: Double?) -> String {
        guard let us else { return "-" }
        switch us {
        case ..<0.5: return "0"
        case ..<1_000: return String(format: "%.0f us", us)
        case ..<1_000_000: return String(format: "%.1f ms", us / 1_000)
        default: return String(format: "%.1f s", us / 1_000_000)
        }
    }

    private static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1_048_576: String(format: "%.0f KB", Double(count) / 1_024)
        case ..<1_073_741_824: String(format: "%.1f MB", Double(count) / 1_048_576)
        default: String(format: "%.1f GB", Double(count) / 1_073_741_824)
        }
    }
}
