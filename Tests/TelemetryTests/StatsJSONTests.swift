import Foundation
import Testing

@testable import Telemetry

private let header = StatsHeader(source: "box", version: "0.5.0", uptimeSeconds: 7, timestampSeconds: 1_700_000_000)

/// Goal: a reader made for twemproxy cannot tell the difference.
/// Method: the text below is twemproxy 0.5.0's own answer for two pools, with our numbers written over its zeros.
@Test func theLineIsTwemproxysByteForByte() {
    let counters = Counters(
        layout: TelemetryLayout(
            workerCount: 2,
            pools: [
                .init(name: "beta", servers: ["127.0.0.1:29993"]),
                .init(name: "alpha", servers: ["one", "10.0.0.2:6379"]),
            ]))
    for worker in 0..<2 {
        counters.worker(worker).add(.clientsAccepted, 20)
        counters.pool(0, worker: worker).add(.clientConnections, 3)
        counters.pool(0, worker: worker).add(.commands, 99)
        let server = counters.server(0, pool: 0, worker: worker)
        server.add(.connects, 2)
        server.add(.serverConnections, 1)
        server.add(.requests, 50)
        server.add(.requestBytes, 1000)
        server.add(.responses, 49)
        server.add(.responseBytes, 500)
        server.add(.backendWrites, 9)
    }
    counters.server(0, pool: 1, worker: 1).set(.serverEjectedAt, 1_700_000_000_123_456)
    let expected =
        #"{"service":"nutcracker", "source":"box", "version":"0.5.0", "uptime":7, "timestamp":1700000000, "#
        + #""total_connections":44, "curr_connections":8, "#
        + #""beta": {"client_eof":0, "client_err":0, "client_connections":6, "server_ejects":0, "#
        + #""forward_error":0, "fragments":0, "#
        + #""127.0.0.1:29993": {"server_eof":0, "server_err":0, "server_timedout":0, "server_connections":2, "#
        + #""server_ejected_at":0, "requests":100, "request_bytes":2000, "responses":98, "response_bytes":1000, "#
        + #""in_queue":0, "in_queue_bytes":0, "out_queue":0, "out_queue_bytes":0}},"#
        + #""alpha": {"client_eof":0, "client_err":0, "client_connections":0, "server_ejects":0, "#
        + #""forward_error":0, "fragments":0, "#
        + #""one": {"server_eof":0, "server_err":0, "server_timedout":0, "server_connections":0, "#
        + #""server_ejected_at":1700000000123456, "requests":0, "request_bytes":0, "responses":0, "#
        + #""response_bytes":0, "in_queue":0, "in_queue_bytes":0, "out_queue":0, "out_queue_bytes":0},"#
        + #""10.0.0.2:6379": {"server_eof":0, "server_err":0, "server_timedout":0, "server_connections":0, "#
        + #""server_ejected_at":0, "requests":0, "request_bytes":0, "responses":0, "#
        + #""response_bytes":0, "in_queue":0, "in_queue_bytes":0, "out_queue":0, "out_queue_bytes":0}}}"# + "\n"
    #expect(StatsJSON.render(counters.snapshot(), header: header) == expected)
}

@Test func namesThatWouldBreakTheJSONAreEscaped() throws {
    let name = "q\"b\\n\n\u{1}ü"
    let snapshot = CounterSnapshot(
        process: MetricValues(),
        pools: [.init(name: name, values: MetricValues(), servers: [.init(name: name, values: MetricValues())])])
    let text = StatsJSON.render(snapshot, header: header)
    #expect(text.utf8.filter { $0 == 10 }.count == 1 && text.hasSuffix("}\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let pool = try #require(object[name] as? [String: Any])
    #expect((pool[name] as? [String: Any])?["requests"] as? Int == 0)
}

@Test func withoutPoolsTheLineIsStillWhole() {
    let text = StatsJSON.render(CounterSnapshot(process: MetricValues(), pools: []), header: header)
    #expect(text.hasSuffix(#""total_connections":0, "curr_connections":0}"# + "\n"))
}
