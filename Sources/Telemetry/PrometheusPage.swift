// PrometheusPage: all that Keyway tells Prometheus, from the metric tables, the histograms and the facts.
// Families that redis_exporter has too carry its names, so that its dashboards work; all others begin with `keyway_`,
// and `process_` where Prometheus's own clients have the number.
// Not here: how lines are written (PrometheusText), the port (Admin).

package enum PrometheusPage {
    package static func render(
        _ counters: CounterSnapshot, workers: [MetricValues<WorkerMetric>], _ latencies: LatencySnapshot,
        layout: TelemetryLayout, facts: ProcessFacts
    ) -> String {
        var page = PrometheusText()
        append(process: facts, to: &page)
        appendRedisNames(counters, latencies, layout, facts, to: &page)
        append(WorkerMetric.self, to: &page) { metric in
            workers.enumerated().map { ([("worker", String($0.offset))], $0.element[metric]) }
        }
        append(PoolMetric.self, to: &page) { metric in
            counters.pools.map { ([("pool", $0.name)], $0.values[metric]) }
        }
        append(ServerMetric.self, to: &page) { metric in
            counters.pools.flatMap { pool in
                pool.servers.map { ([("pool", pool.name), ("shard", $0.name)], $0.values[metric]) }
            }
        }
        appendShards(facts, layout, to: &page)
        appendTimes(latencies, layout, to: &page)
        return page.text
    }

    // MARK: The tables

    /// Rows of one family come together, in the order in which the family is first met.
    private static func append<M: MetricTable>(
        _ table: M.Type, to page: inout PrometheusText, values: (M) -> [(PrometheusText.Labels, Int)]
    ) {
        var done: Set<String> = []
        for metric in M.allCases where !metric.row.isPrivate && done.insert(metric.row.series).inserted {
            let row = metric.row
            page.family(row.series, row.kind == .counter ? .counter : .gauge, row.family?.sentence ?? row.sentence)
            for member in M.allCases where member.row.series == row.series && !member.row.isPrivate {
                let label = member.row.family.map { [(name: $0.label, value: $0.value)] } ?? []
                for (labels, value) in values(member) { append(member.row, labels + label, value, to: &page) }
            }
        }
    }

    private static func append(
        _ row: Metric, _ labels: PrometheusText.Labels, _ value: Int, to page: inout PrometheusText
    ) {
        switch row.unit {
        case .count, .bytes: page.sample(row.series, labels, value)
        case .microseconds: page.sample(row.series, labels, Double(value) / 1_000_000)
        }
    }

    // MARK: The process

    private static func append(process facts: ProcessFacts, to page: inout PrometheusText) {
        page.family("keyway_build_info", .gauge, "1, with the version of Keyway and how its workers wait for sockets")
        page.sample("keyway_build_info", [("version", facts.version), ("io_core", facts.ioCore)], 1)
        page.family("keyway_memory_limit_bytes", .gauge, "What buffers of all workers may take; 0 for no limit")
        page.sample("keyway_memory_limit_bytes", [], facts.memoryLimitBytes)
        page.family("process_start_time_seconds", .gauge, "When the process started, since 1970")
        page.sample("process_start_time_seconds", [], facts.startedAtS)
        page.family("process_cpu_seconds_total", .counter, "CPU time of the process, user and system")
        page.sample("process_cpu_seconds_total", [], facts.cpuSeconds)
        page.family("process_resident_memory_bytes", .gauge, "Memory of the process that is in RAM")
        page.sample("process_resident_memory_bytes", [], facts.residentBytes)
        page.family("process_virtual_memory_bytes", .gauge, "Addresses that the process has taken")
        page.sample("process_virtual_memory_bytes", [], facts.virtualBytes)
        page.family("process_open_fds", .gauge, "Open files and connections")
        page.sample("process_open_fds", [], facts.openDescriptors)
        page.family("process_max_fds", .gauge, "How many files and connections may be open")
        page.sample("process_max_fds", [], facts.descriptorsMax)
        page.family("process_threads", .gauge, "Threads of the process")
        page.sample("process_threads", [], facts.threads)
    }

    private static func appendRedisNames(
        _ counters: CounterSnapshot, _ latencies: LatencySnapshot, _ layout: TelemetryLayout, _ facts: ProcessFacts,
        to page: inout PrometheusText
    ) {
        let process = counters.process
        let commands = counters.pools.reduce(0) { $0 + $1.values[.commands] }
        let totals: [(String, PrometheusText.Kind, String, Int)] = [
            ("redis_up", .gauge, "1: Keyway answers", 1),
            ("redis_uptime_in_seconds", .gauge, "Seconds since the start", facts.uptimeSeconds),
            ("redis_connected_clients", .gauge, "Clients connected now", facts.connectedClients),
            ("redis_config_maxclients", .gauge, "Clients that may be connected", facts.clientsMax),
            (
                "redis_connections_received_total", .counter, "Client connections accepted",
                process[.clientsAccepted]
            ),
            ("redis_rejected_connections_total", .counter, "Client connections refused", process[.clientsRejected]),
            ("redis_commands_processed_total", .counter, "Commands of clients", commands),
            ("redis_net_input_bytes_total", .counter, "Bytes received from clients", process[.bytesIn]),
            ("redis_net_output_bytes_total", .counter, "Bytes sent to clients", process[.bytesOut]),
        ]
        for (name, kind, sentence, value) in totals {
            page.family(name, kind, sentence)
            page.sample(name, [], value)
        }
        var times: [Int: HistogramValues] = [:]
        for pool in latencies.pools {
            for (command, values) in pool.commands { times[command, default: HistogramValues()].add(values) }
        }
        let used = times.sorted { $0.key < $1.key }
        page.family("redis_commands_total", .counter, "Commands answered, by command")
        for (command, values) in used {
            page.sample("redis_commands_total", [("cmd", layout.commands[command])], Int(values.count))
        }
        let seconds = "redis_commands_duration_seconds_total"
        page.family(seconds, .counter, "Time from a command's arrival to its reply, by command")
        for (command, values) in used {
            page.sample(seconds, [("cmd", layout.commands[command])], Double(values.sumUs) / 1_000_000)
        }
    }

    // MARK: Shards and times

    private static func appendShards(_ facts: ProcessFacts, _ layout: TelemetryLayout, to page: inout PrometheusText) {
        func each(_ body: (PrometheusText.Labels, ProcessFacts.Shard) -> Void) {
            for (pool, shards) in zip(layout.pools, facts.shards) {
                for (name, shard) in zip(pool.servers, shards) { body([("pool", pool.name), ("shard", name)], shard) }
            }
        }
        page.family("keyway_shard_info", .gauge, "1, with the server's address")
        each { page.sample("keyway_shard_info", $0 + [("address", $1.address)], 1) }
        page.family("keyway_shard_weight", .gauge, "The server's weight in the config")
        each { page.sample("keyway_shard_weight", $0, $1.weight) }
        page.family("keyway_shard_ring_ratio", .gauge, "The part of the keys that is the server's; 0: out of the ring")
        each { page.sample("keyway_shard_ring_ratio", $0, $1.ringShare) }
    }

    private static func appendTimes(
        _ latencies: LatencySnapshot, _ layout: TelemetryLayout, to page: inout PrometheusText
    ) {
        let loop = "keyway_worker_loop_seconds"
        page.family(loop, .histogram, "How long a turn of the worker's loop took, waiting left out")
        for (worker, values) in latencies.loops.enumerated() {
            page.histogram(loop, [("worker", String(worker))], values)
        }
        let pools = zip(layout.pools, latencies.pools)
        let command = "keyway_command_seconds"
        page.family(command, .histogram, "From a command's arrival until its reply goes to the client")
        for (pool, times) in pools {
            for (index, values) in times.commands.sorted(by: { $0.key < $1.key }) {
                page.histogram(command, [("pool", pool.name), ("command", layout.commands[index])], values)
            }
        }
        let families: [(String, String, KeyPath<LatencySnapshot.Server, HistogramValues>)] = [
            ("keyway_shard_queue_seconds", "From a request's arrival until the server's socket has it", \.queue),
            ("keyway_shard_backend_seconds", "From then until the server's reply is there", \.backend),
        ]
        for (name, sentence, times) in families {
            page.family(name, .histogram, sentence)
            for (pool, shards) in pools {
                for (server, shard) in zip(pool.servers, shards.servers) {
                    page.histogram(name, [("pool", pool.name), ("shard", server)], shard[keyPath: times])
                }
            }
        }
    }
}
