import TestKit
import Testing

@testable import Telemetry

private func page() -> String {
    let layout = TelemetryLayout(
        workerCount: 2,
        pools: [.init(name: "al\"pha", servers: ["one", "t\\wo"]), .init(name: "beta", servers: ["s"])],
        commands: ["get", "config|get"])
    let counters = Counters(layout: layout)
    for worker in 0..<2 {
        counters.worker(worker).add(.bytesIn, 100)
        counters.pool(1, worker: worker).add(.commands, 7)
        counters.pool(1, worker: worker).add(.errorsTimeout, 2)
        counters.server(0, pool: 1, worker: worker).set(.breakerState, worker)
        counters.server(0, pool: 1, worker: worker).set(.serverEjectedAt, 1_700_000_000_500_000)
        counters.commandTimes(pool: 1, worker: worker).record(command: 0, us: 100, count: 3)
        counters.backendTimes(server: 0, pool: 1, worker: worker).record(us: 20)
    }
    var facts = ProcessFacts()
    facts.version = "1.2.3"
    facts.ioCore = "epoll"
    facts.shards = [
        [.init(address: "h:1", weight: 1, ringShare: 0.25), .init(address: "h:2", weight: 3, ringShare: 0.75)],
        [.init(address: "h:3", weight: 1, ringShare: 1)],
    ]
    return PrometheusPage.render(
        counters.snapshot(), workers: counters.workers(), counters.latencies(), layout: layout, facts: facts)
}

@Test func samplesAddWorkersUpAndCarryTheirLabels() {
    let lines = page().split(separator: "\n")
    for line in [
        #"keyway_build_info{version="1.2.3",io_core="epoll"} 1"#, "redis_net_input_bytes_total 200",
        #"keyway_worker_received_bytes_total{worker="1"} 100"#, #"keyway_pool_commands_total{pool="beta"} 14"#,
        #"keyway_pool_errors_total{pool="beta",code="TIMEOUT"} 4"#,
        #"keyway_shard_breaker_state{pool="beta",shard="s"} 1"#,
        #"keyway_shard_ejected_timestamp_seconds{pool="beta",shard="s"} 1700000000.5"#,
        #"keyway_shard_requests_total{pool="al\"pha",shard="t\\wo"} 0"#,
        #"keyway_shard_ring_ratio{pool="al\"pha",shard="t\\wo"} 0.75"#, #"redis_commands_total{cmd="get"} 6"#,
        #"redis_commands_duration_seconds_total{cmd="get"} 0.0006"#,
        #"keyway_command_seconds_bucket{pool="beta",command="get",le="6.4e-05"} 0"#,
        #"keyway_command_seconds_bucket{pool="beta",command="get",le="0.000128"} 6"#,
        #"keyway_command_seconds_bucket{pool="beta",command="get",le="+Inf"} 6"#,
        #"keyway_command_seconds_count{pool="beta",command="get"} 6"#,
        #"keyway_shard_backend_seconds_sum{pool="beta",shard="s"} 4e-05"#,
    ] { #expect(lines.contains { $0 == line }, "\(line)") }
    #expect(!lines.contains { $0.contains("config|get") }, "nobody used it")
}

/// Goal: every sample belongs to the family that stands above it, and no family comes twice.
@Test func familiesComeInOnePieceEach() {
    var family = ""
    var seen: Set<String> = []
    for line in page().split(separator: "\n") {
        if line.hasPrefix("# TYPE ") {
            family = String(line.split(separator: " ")[2])
            #expect(seen.insert(family).inserted, "\(family) comes twice")
        } else if !line.hasPrefix("#") {
            let name = line.prefix { $0 != "{" && $0 != " " }
            #expect([family, family + "_bucket", family + "_sum", family + "_count"].contains(String(name)))
        }
    }
    #expect(seen.count > 90)
}

@Test func everyMetricIsShownOrPrivate() {
    let page = page()
    for row in WorkerMetric.rows + PoolMetric.rows + ServerMetric.rows {
        #expect(page.contains("\n\(row.series){") != row.isPrivate, "\(row.name)")
    }
}

/// Goal: Prometheus's own checker finds nothing to say, neither of the format nor of the names.
@Test(.enabled(if: Servers.program("promtool") != nil || Servers.areRequired, "no promtool (Debian: prometheus)"))
func promtoolIsContent() throws {
    let checker = try #require(Servers.program("promtool"))
    let found = try ChildProcess.run(checker, ["check", "metrics"], input: Array(page().utf8))
    #expect(found.status == .exited(0) && found.output.isEmpty, "\(found.output)\(found.errors)")
}
