import Hashing
import Session
import Settings
import Testing

@testable import Upstream
@testable import keyway

private let list = ["servers:", "  - h:6379:1", "  - /run/v.sock:2 named"]

private func options(_ lines: String...) throws -> PoolOptions {
    let text = (["p:", "  listen: h:1"] + (list + lines).map { "  " + $0 }).joined(separator: "\n")
    return try assembly(text).pools[0].options(shards: [])
}

/// Goal: no key of a pool is read and then forgotten.
/// Method: every field is read in one config in which all differ from the defaults and from one another.
@Test func everyPoolSettingReachesItsRoom() throws {
    let options = try options(
        "timeout: 1", "connect_timeout: 2", "reconnect_backoff: 3", "reconnect_backoff_max: 4", "backlog: 5",
        "client_connections: 6", "tcpkeepalive: true", "redis_auth: secret", "redis_db: 7", "preconnect: true",
        "server_connections: 8", "server_queue_limit: 1mb", "server_in_flight_max: 9", "tombstones_max: 10",
        "transfer_connections: 11")
    let backend = options.backend
    #expect((backend.timeoutMs, backend.connectTimeoutMs) == (1, 2))
    #expect((backend.reconnectBackoffMs, backend.reconnectBackoffMaxMs) == (3, 4))
    #expect((options.backlog, options.clientsMax, options.keepsAlive) == (5, 6, true))
    #expect((options.password, backend.password, backend.database) == ("secret", "secret", 7))
    #expect((backend.preconnects, backend.connectionCount, backend.queueSizeBytesMax) == (true, 8, 1 << 20))
    #expect((backend.inFlightMax, backend.tombstonesMax, backend.transferCountMax) == (9, 10, 11))
}

@Test func serversKeepTheirOrderNamesAndWeights() throws {
    let options = try options()
    #expect(options.name == "p")
    #expect(options.placement.servers == [RingServer(name: "h:6379", weight: 1), RingServer(name: "named", weight: 2)])
    #expect(options.shards.map(\.name) == ["h:6379", "named"])
    #expect(options.shards.map(\.endpoint) == [.tcp(host: "h", port: 6379), .unix(path: "/run/v.sock")])
    #expect(options.shards.allSatisfy { $0.pool == "p" })
}

@Test func listenAddressesKeepTheirForm() throws {
    func place(_ listen: String) throws -> String {
        let layout = try assembly("p:\n  listen: \(listen)\n  servers:\n    - h:1:1\n").pools[0]
        switch layout.options(shards: []).listen {
        case .tcp(let host, let port): return "tcp \(host) \(port)"
        case .unix(let path, let mode): return "unix \(path) \(mode.map { String($0, radix: 8) } ?? "nil")"
        }
    }
    #expect(try place("127.0.0.1:22121") == "tcp 127.0.0.1 22121")
    #expect(try place("\"[::1]:5\"") == "tcp ::1 5")
    #expect(try place("/run/k.sock 0660") == "unix /run/k.sock 660")
    #expect(try place("/run/k.sock") == "unix /run/k.sock nil")
}

/// Goal: the four settings that decide where a key goes all reach the ring.
@Test func everySettingOfPlacementCounts() throws {
    let servers = ["servers:"] + (0..<5).map { "  - h:\(7_000 + $0):1" }
    func owners(_ line: String) throws -> [Int] {
        let text = (["p:", "  listen: h:1"] + (servers + [line]).map { "  " + $0 }).joined(separator: "\n")
        let view = try assembly(text).pools[0].placement
        return (0..<200).map { number in
            let key = Array("{\(number % 3)}\u{e9}\(number)".utf8)
            return key.withUnsafeBufferPointer {
                view.view.serverIndex(key: $0.baseAddress!, count: $0.count, random: 0)
            }
        }
    }
    let plain = try owners("hash: fnv1a_64")
    for line in ["hash: md5", "distribution: modula", "distribution: slots", "hash_tag: \"{}\"", "char: unsigned"] {
        #expect(try owners(line) != plain, "\(line)")
    }
    #expect(Set(try owners("hash_tag: \"{}\"")).count <= 3)
}

@Test func embeddedSettingsReachTheSupervisor() throws {
    let layout = try layout(
        "servers:", "  embedded: 3", "  memory: 5mb", "  eviction: noeviction", "  persistence: append",
        "  directory: /d", "  binary: /b")
    #expect(
        layout.embedded
            == EmbeddedOptions(
                shardCount: 3, memoryBytes: 5 << 20, eviction: "noeviction", persistence: .append, directory: "/d",
                binary: "/b"))
    #expect(try assembly(vectorConfig).pools[0].embedded == nil)
    #expect(layout.servers.map(\.ring) == (0..<3).map { RingServer(name: "shard-\($0)", weight: 1) })
}

/// Goal: what Keyway keeps from strangers it does not ask of its own servers, which have no password.
@Test func embeddedServersGetNoPassword() throws {
    let layout = try layout("redis_auth: secret", "servers:", "  embedded: 1")
    let shards = [EmbeddedShard(name: "shard-0", socketPath: "/s")]
    let options = layout.options(shards: shards)
    #expect(options.password == "secret" && options.backend.password == nil)
    #expect(options.shards[0].endpoint == .unix(path: "/s"))
}

@Test func tooMuchWeightIsRefusedAndTheLimitIsNot() throws {
    let limit = try layout("servers:", "  - a:1:2147483646", "  - b:1:1")
    #expect(limit.placement.servers.count == 2)
    #expect(throws: AssemblyError.self) { try layout("servers:", "  - a:1:2147483646", "  - b:1:2") }
}
