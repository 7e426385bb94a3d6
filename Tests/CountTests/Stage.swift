// Stage: Keyway alone in the middle, with clients and servers that one thread of the test plays.
// The rule: a round is sent, arrives, is answered, comes back; only then comes the next. In lock-step, Keyway is
// stopped while it is sent something, so that it finds all of it in one tick:
//
//     stop ─ clients send ─ go on ─ servers have all ─ stop ─ servers answer ─ go on ─ clients have all
//
// Not here: what is counted (Counts), what a load is (CountLoad).

import Foundation
import Glibc
import TestKit

final class Stage {
    let keyway: KeywayProcess
    let counter: AllocationCounter?
    let endpoint = Endpoint.freeTCP()
    private let servers: [PlayedServer]
    private var clients: [PlayedClient] = []
    /// Descriptors only: these neither send nor receive.
    private var idle: [PlayedClient] = []
    private let control: PlayedClient
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    private static let patienceSeconds = 30.0

    /// - Parameter value: what every key holds.
    init(servers serverCount: Int = 4, value: [UInt8], counter: AllocationCounter? = nil) throws {
        self.counter = counter
        servers = try (0..<serverCount).map { _ in try PlayedServer(value: value) }
        let lines = servers.enumerated().map { "    - \($1.endpoint):1 server\($0)\n" }.joined()
        let config = """
            keyway:
              workers: 1
              maxclients: 20000
            test:
              listen: \(endpoint)
              hash: crc16
              distribution: modula
              timeout: 30000
              servers:
            \(lines)
            """
        keyway = try KeywayProcess(config: config, endpoint: endpoint, environment: counter?.environment ?? [:])
        control = try PlayedClient(endpoint)
    }

    deinit { scratch.deallocate() }

    func connect(_ count: Int) throws {
        for _ in 0..<count { clients.append(try PlayedClient(endpoint)) }
    }

    func connectIdle(_ count: Int) throws {
        let before = try info()["connected_clients"] ?? 0
        for index in 1...count {
            idle.append(try PlayedClient(endpoint))
            // No more at once than the backlog holds.
            if index % 200 == 0 { try waitForClients(before + index) }
        }
        try waitForClients(before + count)
    }

    private func waitForClients(_ count: Int) throws {
        try eventually("\(count) clients are connected") { try info()["connected_clients"] == count }
    }

    /// Each of the idle clients does the load's batch once, a few at a time, and is idle again.
    func useIdle(_ load: CountLoad) throws {
        let working = clients
        defer { clients = working }
        for start in stride(from: 0, to: idle.count, by: load.clients) {
            clients = Array(idle[start..<min(start + load.clients, idle.count)])
            try round(load)
        }
    }

    // MARK: A round

    /// Every client sends its batch and has all its replies when this returns.
    func round(_ load: CountLoad) throws {
        let batches = clients.indices.map { load.batch(client: $0) }
        func send() throws {
            for (client, batch) in zip(clients, batches) {
                try client.send(batch.requests, expecting: batch.replies)
            }
        }
        for server in servers { server.answersAtOnce = !load.isInLockStep }
        if load.isInLockStep {
            try whileStopped(send)
            let keyCount = clients.count * load.pipeline * load.keysPerRequest
            try pump("the servers have \(keyCount) keys") { servers.reduce(0) { $0 + $1.waitingKeyCount } == keyCount }
            try whileStopped { for server in servers { try server.answerAll() } }
        } else {
            try send()
        }
        try pump("the clients have their replies") { !clients.contains { $0.isWaiting } }
    }

    private func whileStopped(_ body: () throws -> Void) throws {
        keyway.process.signal(SIGSTOP)
        defer { keyway.process.signal(SIGCONT) }
        try eventually("keyway stops") { keyway.process.isStopped }
        try body()
    }

    private func pump(_ what: String, until isDone: () -> Bool) throws {
        let deadline = monotonicSeconds() + Self.patienceSeconds
        while !isDone() {
            guard monotonicSeconds() < deadline else {
                throw DeadlinePassed("not within \(Self.patienceSeconds) s: \(what)\n\(keyway.output)")
            }
            let ofServers = servers.map(\.watched)
            var watched = ofServers.flatMap { $0 } + clients.map(\.watched) + [control.watched]
            guard poll(&watched, nfds_t(watched.count), 1_000) > 0 else { continue }
            var next = 0
            for (server, own) in zip(servers, ofServers) {
                // From the last one down: a connection that has ended leaves the list.
                for index in own.indices.reversed() where watched[next + index].revents != 0 {
                    try server.handle(index, scratch: scratch)
                }
                next += own.count
            }
            for (client, ready) in zip(clients + [control], watched[next...]) where ready.revents != 0 {
                try client.handle(scratch: scratch)
            }
        }
    }

    // MARK: What Keyway and the kernel say

    /// Numbers of INFO by name, those of servers added up.
    func info() throws -> [String: Int] {
        try control.ask(respCommand("INFO"))
        try pump("the reply to INFO") { !control.isWaiting }
        var numbers: [String: Int] = [:]
        for line in control.takeText().split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon]
            let rest = line[line.index(after: colon)...]
            if let number = Int(rest) { numbers[String(name)] = number }
            guard name.hasPrefix("shard") else { continue }
            for field in rest.split(separator: ",") {
                let pair = field.split(separator: "=")
                if pair.count == 2, let number = Int(pair[1]) { numbers[String(pair[0]), default: 0] += number }
            }
        }
        return numbers
    }

    /// TCP segments on all connections of clients and servers so far.
    var segmentCount: Int {
        clients.reduce(0) { $0 + $1.socket.segmentCount }
            + servers.flatMap(\.connections).reduce(0) { $0 + $1.socket.segmentCount }
    }
}
