import Settings
import Testing

@Test func everyKeyOfAPoolReachesItsPlace() throws {
    let text = """
        p:
          listen: h:1
          servers:
            - h:6379:1
          hash: jenkins
          hash_tag: "<>"
          distribution: slots
          char: unsigned
          timeout: 1
          connect_timeout: 2
          reconnect_backoff: 3
          reconnect_backoff_max: 4
          backlog: 5
          client_connections: 6
          tcpkeepalive: true
          reuseport: true
          redis: true
          redis_auth: secret
          redis_db: 7
          preconnect: true
          server_connections: 8
          server_queue_limit: 1mb
          server_in_flight_max: 9
          tombstones_max: 10
          transfer_connections: 0
          auto_eject_hosts: true
          server_failure_limit: 11
          server_retry_timeout: 12
        """
    let pool = try Settings.parse(text: text, fileName: "k.yml").pools[0]
    guard case .list(let servers) = pool.servers else { throw CancellationError() }
    #expect(servers.map(\.ringName) == ["h:6379"])
    #expect((pool.name, pool.line, pool.listen) == ("p", 1, .tcp(host: "h", port: 1)))
    #expect((pool.hash, pool.hashTag, pool.distribution, pool.isCharSigned) == ("jenkins", "<>", "slots", false))
    #expect((pool.timeoutMs, pool.connectTimeoutMs) == (1, 2))
    #expect((pool.reconnectBackoffMs, pool.reconnectBackoffMaxMs) == (3, 4))
    #expect((pool.backlog, pool.clientConnectionCountMax, pool.hasTCPKeepalive) == (5, 6, true))
    #expect((pool.redisAuth, pool.redisDatabase, pool.preconnects) == ("secret", 7, true))
    #expect((pool.serverConnectionCount, pool.serverQueueLimitBytes) == (8, 1 << 20))
    #expect((pool.serverInFlightCountMax, pool.tombstoneCountMax, pool.transferConnectionCountMax) == (9, 10, 0))
    let reliability = pool.reliability
    #expect(reliability.failureMode == .remap(maxPercent: 50, onReturn: .keep), "auto_eject_hosts")
    #expect((reliability.breakerFailureCountMax, reliability.breakerOpenMs) == (11, 12))
}

@Test func aPoolHasTheDocumentedDefaults() throws {
    let pool = try Settings.parse(text: pool(), fileName: "k.yml").pools[0]
    #expect((pool.hash, pool.hashTag, pool.distribution, pool.isCharSigned) == ("fnv1a_64", nil, "ketama", true))
    #expect((pool.timeoutMs, pool.connectTimeoutMs) == (5000, 1000))
    #expect((pool.reconnectBackoffMs, pool.reconnectBackoffMaxMs) == (50, 2000))
    #expect((pool.backlog, pool.clientConnectionCountMax, pool.hasTCPKeepalive) == (512, 0, false))
    #expect((pool.redisAuth, pool.redisDatabase, pool.preconnects) == (nil, 0, false))
    #expect((pool.serverConnectionCount, pool.serverQueueLimitBytes) == (1, 64 << 20))
    #expect((pool.serverInFlightCountMax, pool.tombstoneCountMax, pool.transferConnectionCountMax) == (65536, 1024, 32))
}

@Test func aTimeoutOfZeroWaitsForEver() throws {
    #expect(try Settings.parse(text: pool("timeout: 0"), fileName: "k.yml").pools[0].timeoutMs == 0)
}
