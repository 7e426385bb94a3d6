// StatsJSON: a snapshot as twemproxy 0.5 prints it on its stats port, byte for byte in shape.
// Exporters and dashboards made for twemproxy treat every object inside a pool as a server and every object at the top
// as a pool, so nothing of Keyway's own is added.
// Not here: the port that serves it (Admin/StatsServer).

/// Facts about the process that are no counters.
package struct StatsHeader: Sendable {
    /// Host name of this machine.
    package var source: String
    /// Keyway's version.
    package var version: String
    /// Seconds since the process started.
    package var uptimeSeconds: Int
    /// Seconds since 1970.
    package var timestampSeconds: Int

    package init(source: String, version: String, uptimeSeconds: Int, timestampSeconds: Int) {
        self.source = source
        self.version = version
        self.uptimeSeconds = uptimeSeconds
        self.timestampSeconds = timestampSeconds
    }
}

package enum StatsJSON {
    /// One line with its LF. `service` says "nutcracker", for that is what readers of this format look for.
    ///
    /// `total_connections` and `curr_connections` count clients and servers, as in twemproxy; its own listening
    /// sockets, which it counts too, are left out.
    package static func render(_ snapshot: CounterSnapshot, header: StatsHeader) -> String {
        var totalConnections = snapshot.process[.clientsAccepted]
        var currentConnections = 0
        for pool in snapshot.pools {
            currentConnections += pool.values[.clientConnections]
            for server in pool.servers {
                totalConnections += server.values[.connects]
                currentConnections += server.values[.serverConnections]
            }
        }

        var text = "{\"service\":\"nutcracker\", \"source\":"
        append(quoted: header.source, to: &text)
        text += ", \"version\":"
        append(quoted: header.version, to: &text)
        text += ", \"uptime\":\(header.uptimeSeconds), \"timestamp\":\(header.timestampSeconds)"
        text += ", \"total_connections\":\(totalConnections), \"curr_connections\":\(currentConnections)"
        for (index, pool) in snapshot.pools.enumerated() {
            // twemproxy parts header and first pool by ", " but one pool from the next by ",".
            text += index == 0 ? ", " : ","
            append(quoted: pool.name, to: &text)
            text += ": {"
            append(pool.values, first: PoolMetric.twemproxyCount, to: &text)
            for (index, server) in pool.servers.enumerated() {
                text += index == 0 ? ", " : ","
                append(quoted: server.name, to: &text)
                text += ": {"
                append(server.values, first: ServerMetric.twemproxyCount, to: &text)
                text += "}"
            }
            text += "}"
        }
        text += "}\n"
        return text
    }

    private static func append<M: MetricTable>(_ values: MetricValues<M>, first count: Int, to text: inout String) {
        for (index, metric) in M.allCases.prefix(count).enumerated() {
            if index > 0 { text += ", " }
            text += "\"\(metric.row.name)\":\(values[metric])"
        }
    }

    private static func append(quoted value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
