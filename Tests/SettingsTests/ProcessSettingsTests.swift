import Settings
import Testing

@Test func everyKeyOfTheProcessReachesItsPlace() throws {
    let text = process(
        "workers: 3", "pacing: 250", "drain_timeout: 1", "log_level: debug", "stats_listen: 127.0.0.1:22222",
        "maxclients: 2", "proto_max_bulk_len: 2mb", "client_query_buffer_limit: 3mb",
        "client_output_buffer_limit: 4mb", "client_output_buffer_pause: 8kb", "client_in_flight_max: 5",
        "client_idle_timeout: 6", "admin_listen: 22180", "admin_token: 0123456789abcdef", "admin_hosts: A.example b",
        "slowlog_slower_than: 7", "slowlog_max_len: 8", "slowlog_keys: true")
    let process = try Settings.parse(text: text, fileName: "k.yml").process
    #expect(process.workers == 3)
    #expect(process.pacing == .microseconds(250))
    #expect(process.drainTimeoutMs == 1)
    #expect(process.logLevel == .debug)
    #expect(process.statsListen == .tcp(host: "127.0.0.1", port: 22222))
    #expect(process.clientCountMax == 2)
    #expect(process.protoMaxBulkLenBytes == 2 << 20)
    #expect(process.clientQueryBufferLimitBytes == 3 << 20)
    #expect(process.clientOutputBufferLimitBytes == 4 << 20)
    #expect(process.clientOutputBufferPauseBytes == 8 << 10)
    #expect(process.clientInFlightCountMax == 5)
    #expect(process.clientIdleTimeoutSeconds == 6)
    #expect(process.adminListen == .tcp(host: "127.0.0.1", port: 22180))
    #expect(process.adminToken == "0123456789abcdef" && process.adminHosts == ["a.example", "b"])
    #expect((process.slowLogSlowerThanMs, process.slowLogCountMax, process.slowLogShowsKeys) == (7, 8, true))
}

@Test func theProcessHasTheDocumentedDefaults() throws {
    let process = try Settings.parse(text: pool(), fileName: "k.yml").process
    #expect(process.workers == 0)
    #expect(process.pacing == .automatic)
    #expect(process.drainTimeoutMs == 10000)
    #expect(process.logLevel == .notice)
    #expect(process.statsListen == nil)
    #expect(process.clientCountMax == 10000)
    #expect(process.protoMaxBulkLenBytes == 512 << 20)
    #expect(process.clientQueryBufferLimitBytes == 1 << 30)
    #expect(process.clientOutputBufferLimitBytes == 64 << 20)
    #expect(process.clientOutputBufferPauseBytes == 1 << 20)
    #expect(process.clientInFlightCountMax == 4096)
    #expect(process.clientIdleTimeoutSeconds == 0)
    #expect(process.adminListen == nil && process.adminToken == nil && process.adminHosts.isEmpty)
    #expect((process.slowLogSlowerThanMs, process.slowLogCountMax, process.slowLogShowsKeys) == (100, 128, false))
}

@Test func pacingIsAWordOrANumber() throws {
    #expect(try Settings.parse(text: process("pacing: off"), fileName: "k.yml").process.pacing == .off)
    #expect(try Settings.parse(text: process("pacing: auto"), fileName: "k.yml").process.pacing == .automatic)
    #expect(try Settings.parse(text: process("pacing: 1000"), fileName: "k.yml").process.pacing == .microseconds(1000))
}
