// The workers and their sockets: start, refusals at the start, drain.

import Glibc
import Hashing
import Logging
import Platform
import Telemetry
import Testing
import Upstream

@testable import Session

struct ProxyTests {
    private func proxy(_ listen: ListenPlace, workers: Int = 1) -> Proxy {
        var options = ProxyOptions()
        options.workerCount = workers
        options.drainTimeoutMs = 1_000
        let servers = [RingServer(name: "s", weight: 1)]
        var pool = PoolOptions(
            name: "main",
            placement: Placement(
                distribution: .ketama, hash: .fnv1a_64, charSign: .signed, hashTag: nil, servers: servers),
            shards: [ShardName(pool: "main", name: "s", endpoint: .unix(path: "/nowhere"))])
        pool.listen = listen
        var log = Logger(label: "test")
        log.logLevel = .critical
        return Proxy(
            options: options, pools: [pool],
            counters: Counters(
                layout: TelemetryLayout(workerCount: workers, pools: [.init(name: "main", servers: ["s"])])), log: log)
    }

    private func ping(_ place: String) throws -> String {
        let address =
            place.hasPrefix("/")
            ? SocketAddress(unixPath: place)!
            : try SocketAddress.resolve(
                host: place.hasPrefix("[") ? "::1" : "127.0.0.1", port: Int(place.split(separator: ":").last!)!)[0]
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        guard address.withPointer({ connect(descriptor, $0, $1) }) == 0 else { return "no connection" }
        let request = Array("PING\r\n".utf8)
        _ = send(descriptor, request, request.count, 0)
        var reply = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &reply, reply.count, 0)
        return String(decoding: reply.prefix(max(0, count)), as: UTF8.self)
    }

    @Test(arguments: [1, 3])
    func everyWorkerListensOnTheSamePort(workers: Int) throws {
        let proxy = proxy(.tcp(host: "127.0.0.1", port: 0), workers: workers)
        try proxy.start()
        for _ in 0..<20 { #expect(try ping(proxy.listening[0]) == "+PONG\r\n") }
        proxy.drain()
        #expect(try ping(proxy.listening[0]) == "no connection")
    }

    private static var hasIPv6: Bool {
        guard let address = try? SocketAddress.resolve(host: "::1", port: 0)[0],
            let descriptor = try? Socket.listen(on: address, backlog: 1, sharesPort: false)
        else { return false }
        Socket.close(descriptor)
        return true
    }

    @Test(.enabled(if: ProxyTests.hasIPv6, "this machine has no IPv6 loopback"))
    func aPoolListensOnIPv6Too() throws {
        let proxy = proxy(.tcp(host: "::1", port: 0), workers: 2)
        try proxy.start()
        #expect(proxy.listening[0].hasPrefix("[::1]:"))
        #expect(try ping(proxy.listening[0]) == "+PONG\r\n")
        proxy.drain()
    }

    @Test(arguments: [1, 2])
    func aTakenPortIsAReasonNotToStart(workers: Int) throws {
        let first = proxy(.tcp(host: "127.0.0.1", port: 0), workers: workers)
        try first.start()
        let port = Int(first.listening[0].split(separator: ":")[1])!
        let second = proxy(.tcp(host: "127.0.0.1", port: port), workers: workers)
        #expect { try second.start() } throws: { "\($0)".contains("Address already in use") }
        first.drain()
    }

    @Test func aUnixSocketHasItsModeAndAStaleFileIsReplaced() throws {
        let path = "/tmp/keyway-test-\(getpid()).sock"
        let first = proxy(.unix(path: path, mode: 0o600))
        try first.start()
        var status = stat()
        stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(try ping(path) == "+PONG\r\n")
        let second = proxy(.unix(path: path, mode: nil))
        #expect(throws: ProxyStartError.self) { try second.start() }
        first.drain()
        #expect(access(path, F_OK) != 0)
        // What a killed process leaves behind: a file that nobody listens on.
        let stale = try Socket.listen(on: SocketAddress(unixPath: path)!, backlog: 1, sharesPort: false)
        Socket.close(stale)
        let third = proxy(.unix(path: path, mode: nil))
        try third.start()
        #expect(try ping(path) == "+PONG\r\n")
        third.drain()
    }
}
