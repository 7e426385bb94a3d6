// CounterSnapshot: the counters as plain values, the workers added up.
// It shares nothing with the counters that it came from and may be kept, compared and sent anywhere.
// Not here: reading the cells (Counters), turning the values into text (StatsJSON).

/// One number for every metric of a set.
package struct MetricValues<M: MetricTable>: Sendable, Equatable {
    private var values = [Int](repeating: 0, count: M.allCases.count)

    package init() {}

    package subscript(metric: M) -> Int {
        get { values[metric.rawValue] }
        set { values[metric.rawValue] = newValue }
    }

    /// Takes one worker's value in, by the rule of the metric's kind.
    package mutating func merge(_ metric: M, _ value: Int) {
        switch metric.row.kind {
        case .counter, .gauge: self[metric] &+= value
        case .timestamp, .state: self[metric] = max(self[metric], value)
        }
    }

    mutating func add(_ other: MetricValues) {
        for metric in M.allCases { merge(metric, other[metric]) }
    }

    /// Without gauges and states, which end with whoever wrote them.
    var countsAlone: MetricValues {
        var values = self
        for metric in M.allCases {
            switch metric.row.kind {
            case .counter, .timestamp: continue
            case .gauge, .state: values[metric] = 0
            }
        }
        return values
    }
}

/// Every counter of the process at about one moment.
package struct CounterSnapshot: Sendable, Equatable {
    package struct Server: Sendable, Equatable {
        package var name: String
        package var values: MetricValues<ServerMetric>

        package init(name: String, values: MetricValues<ServerMetric>) {
            self.name = name
            self.values = values
        }
    }

    package struct Pool: Sendable, Equatable {
        package var name: String
        package var values: MetricValues<PoolMetric>
        package var servers: [Server]

        package init(name: String, values: MetricValues<PoolMetric>, servers: [Server]) {
            self.name = name
            self.values = values
            self.servers = servers
        }
    }

    /// The worker metrics, all workers together.
    package var process: MetricValues<WorkerMetric>
    /// In the order of the layout.
    package var pools: [Pool]

    package init(process: MetricValues<WorkerMetric>, pools: [Pool]) {
        self.process = process
        self.pools = pools
    }

    /// Adds those of pools and servers that are here too, by their names.
    mutating func add(_ other: CounterSnapshot) {
        process.add(other.process)
        for index in pools.indices {
            guard let pool = other.pools.first(where: { $0.name == pools[index].name }) else { continue }
            pools[index].values.add(pool.values)
            for place in pools[index].servers.indices {
                let name = pools[index].servers[place].name
                guard let server = pool.servers.first(where: { $0.name == name }) else { continue }
                pools[index].servers[place].values.add(server.values)
            }
        }
    }

    var countsAlone: CounterSnapshot {
        var counts = self
        counts.process = process.countsAlone
        for index in pools.indices {
            counts.pools[index].values = pools[index].values.countsAlone
            for place in pools[index].servers.indices {
                counts.pools[index].servers[place].values = pools[index].servers[place].values.countsAlone
            }
        }
        return counts
    }
}
