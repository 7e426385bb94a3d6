import Platform
import Session
import Settings
import Telemetry
import Testing
import Wire

@testable import keyway

private func options(_ line: String) throws -> ProxyOptions {
    try assembly(vectorConfig + "keyway:\n  \(line)\n").proxy
}

/// Goal: no key of the process is read and then forgotten.
/// Method: every field is read in one config in which all differ from the defaults and from one another.
@Test func everyProcessSettingReachesTheProxy() throws {
    let text =
        vectorConfig + """
            keyway:
              workers: 3
              pacing: 70
              drain_timeout: 11
              maxclients: 12
              proto_max_bulk_len: 2mb
              client_query_buffer_limit: 3mb
              client_output_buffer_limit: 5mb
              client_output_buffer_pause: 4mb
              client_in_flight_max: 13
              client_idle_timeout: 14
            """
    let proxy = try assembly(text).proxy
    #expect((proxy.workerCount, proxy.pacing) == (3, .fixed(microseconds: 70)))
    #expect((proxy.drainTimeoutMs, proxy.clientsMax) == (11, 12))
    #expect((proxy.limits.bulkSizeBytesMax, proxy.limits.requestSizeBytesMax) == (2 << 20, 3 << 20))
    #expect((proxy.outputSizeBytesMax, proxy.outputPauseBytes) == (5 << 20, 4 << 20))
    #expect((proxy.inFlightMax, proxy.clientIdleTimeoutS, proxy.version) == (13, 14, keywayVersion))
}

@Test func zeroWorkersAreOneForEachCore() throws {
    #expect(try assembly(vectorConfig, coreCount: 7).proxy.workerCount == 7)
}

@Test func pacingHasThreeForms() throws {
    #expect(try options("pacing: auto").pacing == .auto)
    #expect(try options("pacing: off").pacing == .off)
    #expect(try options("pacing: 1").pacing == .fixed(microseconds: 1))
}

@Test func statisticsHaveTheRingNames() throws {
    let text = vectorConfig + "beta:\n  listen: h:2\n  servers:\n    - b:11211:1\n    - c:1:1 named\n    - /s:1\n"
    let layout = try assembly(text).telemetry
    #expect(layout.workerCount == 2)
    #expect(
        layout.pools == [
            .init(name: "alpha", servers: ["127.0.0.1:6380", "127.0.0.1:6381", "127.0.0.1:6382"]),
            .init(name: "beta", servers: ["b", "named", "/s:"]),
        ])
    #expect(layout.commands.contains("get") && layout.commands.contains("config|get"))
}

@Test func aFullHouseNeedsADescriptorForEverybody() throws {
    let assembly = try assembly(
        vectorConfig + "  server_connections: 5\nkeyway:\n  maxclients: 1000\n  workers: 4\n")
    let needed = 1_000 + 4 * (3 * 5 + 1)
    #expect(assembly.descriptorCount >= needed && assembly.descriptorCount < needed + 64)
}
