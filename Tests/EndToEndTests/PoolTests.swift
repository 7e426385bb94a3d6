// PoolTests: what a pool's settings do to its connections, on both sides.
// Not here: where keys go (PlacementTests), what happens when shards fail (FaultTests), passwords (LocalCommandsTests).

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct PoolTests {
    /// The connections that Keyway has to this shard, as lines of the shard's CLIENT LIST.
    private func linesOfKeyway(on shard: ServerProcess) throws -> [Substring] {
        let list = try shard.connect().command("CLIENT", "LIST").text ?? ""
        return list.split(separator: "\n").filter { $0.contains(" name=keyway ") }
    }

    /// Goal: a name is looked up anew for every connection. Method: it points to an address where nobody listens, then
    /// to the server; only a second look-up finds it.
    @Test(.enabled(if: KeywayProcess.canReplaceHosts, "needs the right to mount"), arguments: Servers.newest)
    func aHostNameThatMovesIsFollowed(_ server: Server) throws {
        let folder = TemporaryFolder()
        let hosts = try folder.write("127.0.0.9 moving-host\n", to: "hosts")
        let shard = try ServerProcess(server)
        let endpoint = Endpoint.freeTCP()
        let config = """
            pool:
              listen: \(endpoint)
              servers:
               - moving-host:\(shard.endpoint.port):1 mover

            """
        let keyway = try KeywayProcess(config: config, endpoint: endpoint, hostsFile: hosts)
        let client = try RESPConnection(endpoint)
        try eventually("the shard counts as down") {
            try client.command("SET", "k", "v").text?.hasPrefix("SHARDDOWN") ?? false
        }
        // Written in place: another file would not be the one that is mounted.
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: hosts))
        try file.write(contentsOf: Data("127.0.0.1 moving-host\n".utf8))
        try file.close()
        try eventually("the shard is found") { try client.command("SET", "k", "v") == .ok }
        #expect(try shard.connect().command("GET", "k") == .text("v"))
        #expect(keyway.process.exitStatus == nil)
    }

    /// Goal: a name that leads elsewhere takes its connections along while the old address still serves.
    @Test(.enabled(if: KeywayProcess.canReplaceHosts, "needs the right to mount"), arguments: Servers.newest)
    func connectionsFollowAHostNameThatMoves(_ server: Server) throws {
        let folder = TemporaryFolder()
        let hosts = try folder.write("127.0.0.1 moving-host\n", to: "hosts")
        let shard = try ServerProcess(server, arguments: ["--bind", "127.0.0.1", "127.0.0.2"])
        let endpoint = Endpoint.freeTCP()
        let config = """
            pool:
              listen: \(endpoint)
              server_connections: 3
              host_refresh: 500
              servers:
               - moving-host:\(shard.endpoint.port):1 mover

            """
        let keyway = try KeywayProcess(config: config, endpoint: endpoint, hostsFile: hosts)
        let clients = try (0..<6).map { _ in try RESPConnection(endpoint) }
        func count(at address: String) throws -> Int {
            try linesOfKeyway(on: shard).count { $0.contains(" laddr=\(address):") }
        }
        for client in clients { #expect(try client.command("SET", "k", "v") == .ok) }
        let before = try count(at: "127.0.0.1")
        #expect(try before > 0 && count(at: "127.0.0.2") == 0)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: hosts))
        try file.write(contentsOf: Data("127.0.0.2 moving-host\n".utf8))
        try file.close()
        try eventually("all connections go to the new address, and no request fails") {
            for client in clients { #expect(try client.command("INCR", "n").integer != nil) }
            return try count(at: "127.0.0.1") == 0 && count(at: "127.0.0.2") == before
        }
        let events = try clients[0].command("KEYWAY", "EVENTS")
        #expect("\(events)".contains("leads to 127.0.0.2:\(shard.endpoint.port) and no longer to 127.0.0.1"))
        #expect(keyway.process.exitStatus == nil)
    }

    /// Goal: a file written for twemproxy runs unchanged, and its pools have nothing to do with each other.
    @Test(arguments: Servers.newest) func aFileOfTwemproxyRunsAsItStands(_ server: Server) throws {
        let folder = TemporaryFolder()
        let (alpha, beta) = (Endpoint.freeTCP(), Endpoint.freeTCP())
        let gamma = Endpoint.unix(path: folder.file("gamma.sock"))
        let shards = try concurrently(3) { index in try ServerProcess(server, unixSocket: index == 2) }
        let config = """
            alpha:
              listen: \(alpha)
              hash: fnv1a_64
              distribution: ketama
              timeout: 10000
              backlog: 1024
              preconnect: true
              redis: true
              tcpkeepalive: true
              auto_eject_hosts: true
              server_retry_timeout: 30000
              server_failure_limit: 3
              server_connections: 1
              client_connections: 100
              servers:
               - 127.0.0.1:\(shards[0].endpoint.port):1

            beta:
              listen: \(beta)
              hash: murmur
              hash_tag: "{}"
              distribution: modula
              redis: true
              redis_db: 3
              servers:
               - localhost:\(shards[0].endpoint.port):1 server1
               - 127.0.0.1:\(shards[1].endpoint.port):2 server2

            gamma:
              listen: \(gamma) 0666
              hash: one_at_a_time
              distribution: random
              redis: true
              redis_db: 2
              servers:
               - \(shards[2].endpoint):1

            """
        let keyway = try KeywayProcess(config: config, endpoint: alpha)
        let clients = try [alpha, beta, gamma].map { try RESPConnection($0) }
        let keys = (0..<50).map { "k\($0)" }
        for (index, client) in clients.enumerated() {
            let replies = try client.pipeline(keys.map { ["SET", $0, "of pool \(index)"] })
            #expect(replies.allSatisfy { $0 == .ok }, "\(replies)")
        }
        for (index, client) in clients.enumerated() {
            #expect(try client.command("DBSIZE") == 50)
            #expect(try client.command(["MGET"] + keys) == .array(keys.map { _ in .text("of pool \(index)") }))
        }
        // redis_db is on the wire: the shard that two pools share keeps them apart in two databases.
        let shared = try shards[0].connect()
        #expect(try shared.command("DBSIZE") == 50)
        #expect(try shared.command("SELECT", 3) == .ok)
        let inThird = try #require(try shared.command("DBSIZE").integer)
        #expect(inThird > 0 && inThird < 50)
        #expect(try clients[1].command("FLUSHDB") == .ok)
        #expect(try clients.map { try $0.command("DBSIZE") } == [50, 0, 50])
        let status = try keyway.terminate()
        #expect(status == .exited(0), "\(keyway.output)")
    }

    @Test(arguments: Servers.newest) func preconnectConnectsBeforeAnybodyAsks(_ server: Server) throws {
        let rig = try Rig(server, pool: ["preconnect": "true", "server_connections": "2"])
        for shard in rig.shards {
            try eventually("two connections to \(shard.endpoint)") { try linesOfKeyway(on: shard).count == 2 }
        }
        let lazy = try Rig(server, shards: 1)
        #expect(try linesOfKeyway(on: lazy.shards[0]).isEmpty)
        #expect(try lazy.connect().command("GET", "k") == .null)
        #expect(try linesOfKeyway(on: lazy.shards[0]).count == 1)
    }

    /// Goal: more connections to a server, and still each client's commands in its order.
    @Test(arguments: Servers.newest, [1, 2])
    func severalConnectionsKeepTheOrderOfEachClient(_ server: Server, _ workers: Int) throws {
        let rig = try Rig(server, shards: 2, workers: workers, pool: ["server_connections": "2"])
        let random = SeededRandom.announced()
        _ = try concurrently(8) { index in
            let client = try rig.connect()
            var random = random.stream(index)
            for _ in 0..<40 {
                var commands: [[String]] = []
                var expected: [RESPValue] = []
                for _ in 0..<random.below(40) + 1 {
                    let keys = (0..<3).map { "c\(index):\($0)" }
                    let value = "\(random.next())"
                    commands += [["MSET"] + keys.flatMap { [$0, value] }, ["MGET"] + keys, ["GET", keys[0]]]
                    expected += [.ok, .array(keys.map { _ in .text(value) }), .text(value)]
                }
                guard try client.pipeline(commands) == expected else { throw ChildFailure("client \(index)") }
            }
        }
        for shard in rig.shards {
            let count = try linesOfKeyway(on: shard).count
            #expect(workers == 1 ? count == 2 : [2, 3, 4].contains(count), "\(count) connections")
        }
    }

    @Test(arguments: Servers.newest) func clientsAboveALimitAreToldSo(_ server: Server) throws {
        let rig = try Rig(server, shards: 1, pool: ["client_connections": "2"])
        let error = RESPValue.error("ERR max number of clients reached")
        // The probe that waited for the start may still count for a moment.
        var welcome: [RESPConnection] = []
        try eventually("two clients are let in") {
            welcome = try (0..<2).map { _ in try rig.connect() }
            return try welcome.allSatisfy { try $0.command("PING") == .simple("PONG") }
        }
        let third = try rig.connect()
        #expect(try third.reply() == error)
        #expect(try third.waitsForClose())
        welcome[0].close()
        try eventually("a place is free again") {
            let next = try rig.connect()
            return (try? next.command("PING")) == .simple("PONG")
        }
        #expect(try welcome[1].command("PING") == .simple("PONG"))
    }

    @Test(arguments: Servers.newest) func shardsOnUnixSocketsComeBack(_ server: Server) throws {
        let rig = try Rig(server, unixShards: true)
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        let client = try rig.connect()
        #expect(try client.command(["MSET"] + keys.flatMap { [$0, "v"] }) == .ok)
        rig.shards[1].kill()
        #expect(try client.command("GET", keys[1]).isError)
        #expect(try client.command("GET", keys[0]) == "v")
        try rig.shards[1].restart()
        try eventually("the shard is used again") { try client.command("SET", keys[1], "w") == .ok }
        try eventually("it gets all its requests") { try client.command(["MGET"] + keys) == ["v", "w", "v", "v"] }
    }

    @Test(arguments: Servers.newest) func idleClientsLeaveWhenTheFileSaysSo(_ server: Server) throws {
        let rig = try Rig(server, shards: 1, process: ["client_idle_timeout": "1"])
        let client = try rig.connect()
        #expect(try client.command("PING") == .simple("PONG"))
        #expect(try client.waitsForClose())
    }
}
