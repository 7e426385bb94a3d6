// StartReport: what people see when Keyway has started: what listens where, for which servers, and what to type next.
// Never a password, and as short for a hundred servers as for four.

import Settings

enum StartReport {
    private static let serverCountShown = 8

    /// - Parameters:
    ///   - listening: one for each pool, as it is bound.
    ///   - stats: where the statistics are; nil for nowhere.
    ///   - admin: the same of the page and the metrics.
    static func lines(pools: [PoolLayout], listening: [String], stats: String?, admin: String? = nil) -> [String] {
        precondition(pools.count == listening.count)
        var lines = ["keyway \(keywayVersion) is ready"]
        for (pool, place) in zip(pools, listening) {
            lines.append("  \(pool.settings.name) listens on \(place) for \(servers(of: pool))")
        }
        if let stats { lines.append("  statistics are on \(stats)") }
        if let admin { lines.append("  page, metrics and JSON are on \(admin)") }
        if let pool = pools.first, let place = listening.first {
            lines.append("Type: \(command(for: pool.settings, at: place))")
        }
        return lines
    }

    private static func servers(of pool: PoolLayout) -> String {
        let count = pool.servers.count
        let kind = pool.embedded == nil ? "server" : "embedded server"
        let shown = pool.servers.prefix(serverCountShown).map(\.text).joined(separator: ", ")
        let rest = count > serverCountShown ? ", ..." : ""
        return "\(count) \(kind)\(count == 1 ? "" : "s"): \(shown)\(rest)"
    }

    /// A client that reaches the pool from this machine.
    private static func command(for pool: PoolSettings, at place: String) -> String {
        var words = ["redis-cli"]
        if place.hasPrefix("/") {
            words += ["-s", place]
        } else {
            let cut = place.lastIndex(of: ":") ?? place.endIndex
            let host = place[..<cut].filter { $0 != "[" && $0 != "]" }
            if !["127.0.0.1", "0.0.0.0", "::", "localhost"].contains(host) { words += ["-h", host] }
            words += ["-p", String(place[cut...].dropFirst())]
        }
        if pool.redisAuth != nil { words.append("--askpass") }
        return words.joined(separator: " ")
    }
}
