// ReloadPlan: what another config would change while Keyway runs: for people, and for the decision whether it may.
// Keys that move are counted with sample keys, because rings are what they are: no formula says it as surely.
// Not here: reading the files (Settings), applying it (Service).

import Hashing
import Session
import Settings
import Upstream

struct ReloadPlan: Equatable {
    struct Pool: Equatable {
        let name: String
        var changes: [String] = []
        /// Of sample keys, those that another server has; 0 where none moves.
        var movedPercent = 0.0
        var samples: [MovedKey] = []
        /// Its servers are not the same any more.
        var hasOtherServers = false
    }

    struct MovedKey: Equatable {
        let key: String
        let from: String
        let to: String
    }

    private(set) var processChanges: [String] = []
    /// Those of both configs, in the newer one's order.
    private(set) var pools: [Pool] = []
    private(set) var added: [String] = []
    private(set) var removed: [String] = []
    /// What only a new start can change.
    private(set) var refusals: [String] = []

    private static let sampleCount = 100_000
    private static let samplesShown = 5

    private static func adminKeys(_ settings: Settings) -> [String] {
        let process = settings.process
        return ["\(process.adminListen as Any)", process.adminToken ?? "", process.adminHosts.joined(separator: " ")]
    }

    init(from before: Settings, _ older: Assembly, to after: Settings, _ newer: Assembly) {
        processChanges = Self.changes(in: SettingsTable.processKey, .process, before, after)
        if before.process.statsListen != after.process.statsListen {
            refusals.append("keyway.stats_listen changes only with a new start")
        }
        if Self.adminKeys(before) != Self.adminKeys(after) {
            refusals.append("keyway.admin_listen, admin_token and admin_hosts change only with a new start")
        }
        let layouts = Dictionary(uniqueKeysWithValues: older.pools.map { ($0.settings.name, $0) })
        for layout in newer.pools {
            guard let known = layouts[layout.settings.name] else {
                added.append(layout.settings.name)
                if layout.embedded != nil {
                    refusals.append("pool \(layout.settings.name): embedded servers start only with Keyway")
                }
                continue
            }
            if known.embedded != layout.embedded {
                refusals.append("pool \(layout.settings.name): embedded servers change only with a new start")
            }
            var pool = Pool(name: layout.settings.name)
            pool.changes = Self.changes(in: pool.name, .pool, before, after)
            Self.compare(known, layout, &pool)
            pools.append(pool)
        }
        let names = Set(newer.pools.map(\.settings.name))
        for layout in older.pools where !names.contains(layout.settings.name) {
            removed.append(layout.settings.name)
            if layout.embedded != nil {
                refusals.append("pool \(layout.settings.name): embedded servers end only with Keyway")
            }
        }
    }

    var isEmpty: Bool {
        processChanges.isEmpty && added.isEmpty && removed.isEmpty && pools.allSatisfy { $0.changes.isEmpty }
    }

    var movesKeys: Bool { pools.contains { $0.movedPercent > 0 } }

    /// One line for each thing that changes.
    var lines: [String] {
        var lines = processChanges.map { "keyway.\($0)" }
        lines += added.map { "pool \($0): added" } + removed.map { "pool \($0): removed; its clients are closed" }
        for pool in pools {
            lines += pool.changes.map { "pool \(pool.name): \($0)" }
            guard pool.movedPercent > 0 else { continue }
            lines.append("pool \(pool.name): \(Self.percent(pool.movedPercent)) of all keys move to another server")
            lines += pool.samples.map { "pool \(pool.name): for example \($0.key) from \($0.from) to \($0.to)" }
        }
        return lines
    }

    static func percent(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return value > 0 && tenths == 0 ? "less than 0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }

    // MARK: Comparing

    private static func compare(_ before: PoolLayout, _ after: PoolLayout, _ pool: inout Pool) {
        let (old, new) = (before.servers.map(identity), after.servers.map(identity))
        pool.hasOtherServers = Set(old) != Set(new)
        pool.changes += new.filter { !old.contains($0) }.map { "server \($0): added" }
        pool.changes += old.filter { !new.contains($0) }.map { "server \($0): removed" }
        for (server, place) in zip(before.servers, old) {
            guard let index = new.firstIndex(of: place), after.servers[index].ring != server.ring else { continue }
            pool.changes.append("server \(place): \(shown(server.ring)) -> \(shown(after.servers[index].ring))")
        }
        if pool.changes.isEmpty, old != new { pool.changes.append("the order of the servers changes") }
        if before.distribution == .random, after.distribution == .random { return }
        countMoved(before, after, old, new, &pool)
    }

    private static func shown(_ server: RingServer) -> String { "\(server.name) with weight \(server.weight)" }

    /// What makes a server the same one: where it is, whatever its weight or place in the file.
    private static func identity(_ server: PoolLayout.Server) -> String {
        server.endpoint.map(\.text) ?? server.ring.name
    }

    private static func countMoved(
        _ before: PoolLayout, _ after: PoolLayout, _ old: [String], _ new: [String], _ pool: inout Pool
    ) {
        var movedCount = 0
        for number in 0..<sampleCount {
            let key = "key:\(number)"
            let (from, to) = (index(key, before.placement), index(key, after.placement))
            guard old[from] != new[to] else { continue }
            movedCount += 1
            if pool.samples.count < samplesShown {
                pool.samples.append(MovedKey(key: key, from: old[from], to: new[to]))
            }
        }
        pool.movedPercent = 100 * Double(movedCount) / Double(sampleCount)
    }

    private static func index(_ key: String, _ placement: Placement) -> Int {
        var key = key
        return key.withUTF8 { placement.view.serverIndex(key: $0.baseAddress!, count: $0.count, random: 0) }
    }

    /// Keys of one section of the file that differ, with both values; a secret's values are nobody's.
    private static func changes(
        in section: String, _ scope: SettingsRow.Scope, _ before: Settings, _ after: Settings
    ) -> [String] {
        SettingsTable.rows.filter { $0.scope == scope && $0.key != "servers" }.compactMap { row in
            let path = "\(section).\(row.key)"
            let old = before.texts[path] ?? row.defaultText ?? "none"
            let new = after.texts[path] ?? row.defaultText ?? "none"
            guard old != new else { return nil }
            return row.isSecret ? "\(row.key) changes" : "\(row.key): \(old) -> \(new)"
        }
    }
}
