// LatencySnapshot: every histogram of the process as plain values, the workers added up. Apart from CounterSnapshot,
// because it is larger by far and most readers want only counters.
// Not here: reading the cells (Counters).

package struct LatencySnapshot: Sendable, Equatable {
    package struct Server: Sendable, Equatable {
        /// From a request's arrival until its last byte was written to the server, to a millisecond.
        package var queue = HistogramValues()
        /// From then on until its reply came.
        package var backend = HistogramValues()

        package init() {}
    }

    package struct Pool: Sendable, Equatable {
        /// By the commands' indices; those that nobody used are left out.
        package var commands: [Int: HistogramValues] = [:]
        package var servers: [Server] = []

        package init() {}
    }

    /// How long turns of the loop lasted, by worker.
    package var loops: [HistogramValues] = []
    /// In the order of the layout.
    package var pools: [Pool] = []

    package init() {}

    /// Adds those of pools and servers that are here too, by their names. Loops are their workers' own.
    ///
    /// - Parameters:
    ///   - theirs: what the other's places stand for.
    ///   - ours: what those here stand for; commands have the same places in both.
    mutating func add(_ other: LatencySnapshot, of theirs: TelemetryLayout, to ours: TelemetryLayout) {
        for (index, pool) in ours.pools.enumerated() {
            guard let place = theirs.pools.firstIndex(where: { $0.name == pool.name }) else { continue }
            for (command, times) in other.pools[place].commands {
                pools[index].commands[command, default: HistogramValues()].add(times)
            }
            for (server, name) in pool.servers.enumerated() {
                guard let known = theirs.pools[place].servers.firstIndex(of: name) else { continue }
                pools[index].servers[server].queue.add(other.pools[place].servers[known].queue)
                pools[index].servers[server].backend.add(other.pools[place].servers[known].backend)
            }
        }
    }
}
