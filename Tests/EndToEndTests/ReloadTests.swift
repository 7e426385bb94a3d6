// ReloadTests: the config file changes while Keyway runs (SIGUSR1), and no client notices more than it must.
// Not here: what two configs differ in (KeywayTests/ReloadPlanTests), a client's way
// (SessionTests/EngineHandoverTests).

import Foundation
import Glibc
import TestKit
import Testing

@Suite(.serialized) struct ReloadTests {
    private struct Stage {
        let shards: [ServerProcess]
        let endpoint = Endpoint.freeTCP()
        let keyway: KeywayProcess

        init(_ server: Server, workers: Int = 2) throws {
            shards = try concurrently(4) { _ in try ServerProcess(server) }
            keyway = try KeywayProcess(
                config: Self.config(endpoint, shards[..<3], workers: workers), endpoint: endpoint)
        }

        static func config(
            _ endpoint: Endpoint, _ shards: ArraySlice<ServerProcess>, workers: Int = 2, pool: [String: String] = [:]
        ) -> String {
            let lines = shards.enumerated().map { $1.line(name: "s\($0)") }
            return Rig.config(listen: endpoint.description, servers: lines, workers: workers, pool: pool)
        }

        func connect() throws -> RESPConnection { try RESPConnection(endpoint) }

        func write(_ config: String) throws {
            try config.write(toFile: try #require(keyway.configPath), atomically: true, encoding: .utf8)
        }

        /// Asks for a reload, and waits until it says this, once more than before.
        func reload(until word: String) throws {
            let before = keyway.output.components(separatedBy: word).count
            keyway.process.signal(SIGUSR1)
            try eventually("keyway says \(word)") { keyway.output.components(separatedBy: word).count > before }
        }
    }

    /// Goal: under load nothing is lost, whatever changes that moves no key. Method: checked values, by clients that
    /// stay and clients that come and go, while the file changes five times.
    @Test(arguments: Servers.found) func clientsDoNotNotice(_ server: Server) throws {
        let stage = try Stage(server)
        let stop = Flag()
        let load = BackgroundWork(6) { index in
            var client = try stage.connect()
            var turn = 0
            while !stop.isRaised {
                turn += 1
                if index < 3 { client = try stage.connect() }
                var commands = (0..<20).map { ["SET", "r:\(index):\($0)", "\(turn)"] }
                commands += (0..<20).map { ["GET", "r:\(index):\($0)"] } + [["INCR", "n:\(index)"]]
                var wanted = [RESPValue](repeating: .ok, count: 20)
                wanted += [RESPValue](repeating: .text("\(turn)"), count: 20) + [.integer(turn)]
                let got = try client.pipeline(commands)
                guard got == wanted else { throw ChildFailure("turn \(turn) of client \(index): \(got)") }
            }
            return turn
        }
        let steady = try stage.connect()
        let id = try steady.command("CLIENT", "ID")
        for (round, workers) in [1, 2, 3, 1, 2].enumerated() {
            let pool = ["timeout": "\(10_001 + round)", "server_connections": "\(1 + round % 2)"]
            try stage.write(Stage.config(stage.endpoint, stage.shards[..<3], workers: workers, pool: pool))
            try stage.reload(until: "is in use")
            #expect(try steady.command("CLIENT", "ID") == id)
        }
        stop.raise()
        #expect(try load.results().allSatisfy { $0 > 5 })
        let direct = try stage.shards[0].connect()
        try eventually("the connections of the workers before are closed") {
            let list = try direct.command("CLIENT", "LIST").text ?? ""
            // Those of two workers, and this one.
            return list.split(separator: "\n").count <= 3
        }
        #expect(stage.keyway.output.contains("reload: pool test: timeout: 10001 -> 10002"))
        #expect(!stage.keyway.output.contains(" error "), "\(stage.keyway.output)")
        #expect(try !RESPConnection(stage.keyway.statsEndpoint).readToClose().isEmpty)
        #expect(try stage.keyway.terminate() == .exited(0))
    }

    /// Goal: a wrong file changes nothing and says why, and so does one that would move keys.
    @Test(arguments: Servers.newest) func whatMayNotBeIsRefused(_ server: Server) throws {
        let stage = try Stage(server)
        let client = try stage.connect()
        #expect(try client.command("SET", "a", "1") == .ok)
        try stage.write("test:\n  listen: nonsense\n")
        try stage.reload(until: "reload: nothing has changed")
        #expect(stage.keyway.output.contains("keyway.yml:2: test.listen"), "\(stage.keyway.output)")
        try stage.write(Stage.config(stage.endpoint, stage.shards[...]))
        try stage.reload(until: "reload: nothing has changed")
        #expect(stage.keyway.output.contains("of all keys would move to another server"), "\(stage.keyway.output)")
        #expect(try client.command("KEYWAY", "ROUTE", "a").text?.isEmpty != true)
        try stage.write(Stage.config(stage.endpoint, stage.shards[..<3]))
        try stage.reload(until: "changes nothing")
        #expect(try client.command("GET", "a") == "1")
    }

    /// Goal: the command says what came of it, and moves keys only where it is told that it may.
    @Test(arguments: Servers.newest) func theCommandReloads(_ server: Server) throws {
        let shards = try concurrently(3) { _ in try ServerProcess(server) }
        let (endpoint, admin) = (Endpoint.freeTCP(), Endpoint.freeTCP())
        func config(_ count: Int) -> String {
            Rig.config(
                listen: endpoint.description, servers: shards[..<count].enumerated().map { $1.line(name: "s\($0)") },
                process: ["admin_listen": admin.description, "admin_token": "0123456789abcdef"])
        }
        let keyway = try KeywayProcess(config: config(2), endpoint: endpoint)
        let path = try #require(keyway.configPath)
        let client = try RESPConnection(endpoint)
        for key in 0..<60 { #expect(try client.command("SET", "k\(key)", "v") == .ok) }
        try config(3).write(toFile: path, atomically: true, encoding: .utf8)
        let refused = try KeywayProcess.run(["reload", "-c", path])
        #expect(refused.status == .exited(2) && refused.errors.contains(": 409 Conflict: pool test: "), "\(refused)")
        #expect(refused.errors.contains("of all keys would move to another server"), "\(refused)")
        #expect(try shards[2].connect().command("DBSIZE") == 0)
        let done = try KeywayProcess.run(["reload", "-c", path, "--allow-remap"])
        #expect(
            done.status == .exited(0) && done.output.contains("pool test: server \(shards[2].endpoint): added"),
            "\(done)")
        for key in 0..<60 { #expect(try client.command("SET", "k\(key)", "v") == .ok) }
        #expect(try shards[2].connect().command("DBSIZE") != 0)
        #expect(try KeywayProcess.run(["reload", "-c", path]).output == "nothing changes\n")
        let stats = try KeywayProcess.run(["stats", "-c", path])
        #expect(stats.output.contains("s2"), "the admin port shows the workers of now: \(stats)")
    }

    /// Goal: pools come and go, and a pool that is gone lets nobody wait in vain.
    @Test(arguments: Servers.newest) func poolsComeAndGo(_ server: Server) throws {
        let stage = try Stage(server)
        let first = Stage.config(stage.endpoint, stage.shards[..<3])
        let other = Endpoint.freeTCP()
        let second = "other:\n  listen: \(other)\n  servers:\n    - \(stage.shards[3].line(name: "o"))\n"
        try stage.write(first + second)
        try stage.reload(until: "is in use")
        let (client, guest) = (try stage.connect(), try RESPConnection(other))
        #expect(try guest.command("SET", "a", "other") == .ok)
        #expect(try client.command("GET", "a") == .null)
        try stage.write(first)
        try stage.reload(until: "is in use")
        #expect(try guest.waitsForClose())
        try eventually("nobody listens there") { (try? RESPConnection(other)) == nil }
        #expect(try client.command("PING") == .simple("PONG"))
    }

    /// Goal: what was counted goes on, and what is down is found to be so without a request. Method: a server that is
    /// stopped, so that it takes connections, and workers whose breakers no failed request opens.
    @Test(arguments: Servers.newest) func numbersAndWhatIsDownGoOn(_ server: Server) throws {
        let stage = try Stage(server)
        var pool = ["timeout": "1000", "breaker_failures": "1"]
        try stage.write(Stage.config(stage.endpoint, stage.shards[..<3], pool: pool))
        try stage.reload(until: "is in use")
        let client = try stage.connect()
        let key = try #require(
            (0..<100).map { "k\($0)" }.first {
                try client.command("KEYWAY", "ROUTE", $0).elements[0].elements.contains { $0.text == "s1" }
            })
        for _ in 0..<500 { _ = try client.command("SET", key, "v") }
        func requests() throws -> Int {
            let page = try JSONSerialization.jsonObject(
                with: Data(RESPConnection(stage.keyway.statsEndpoint).readToClose()))
            let servers = (page as? [String: Any])?["test"] as? [String: Any]
            return (servers?["s1"] as? [String: Any])?["requests"] as? Int ?? -1
        }
        let before = try requests()
        #expect(before >= 500)
        stage.shards[1].pause()
        defer { stage.shards[1].resume() }
        #expect(try client.command("GET", key).text?.hasPrefix("TIMEOUT") == true)
        #expect(try client.command("GET", key).text?.hasPrefix("SHARDDOWN") == true)
        pool["breaker_failures"] = "0"
        try stage.write(Stage.config(stage.endpoint, stage.shards[..<3], pool: pool))
        try stage.reload(until: "is in use")
        #expect(try requests() > before)
        try eventually("a check tells the new workers") {
            try client.command("GET", key).text?.hasPrefix("SHARDDOWN") == true
        }
        stage.shards[1].resume()
        try eventually("it comes back") { try client.command("GET", key) == "v" }
    }

    /// Goal: who is in the middle of something goes on. Method: a transaction, a wait, a subscription, over a reload.
    @Test(arguments: Servers.found) func whatHasBegunGoesOn(_ server: Server) throws {
        let stage = try Stage(server)
        let (buyer, waiter, listener) = (try stage.connect(), try stage.connect(), try stage.connect())
        #expect(try buyer.pipeline([["MULTI"], ["SET", "m", "1"]]) == [.ok, .simple("QUEUED")])
        try waiter.send(respCommand("BLPOP", "list", "0"))
        #expect(try listener.command("SUBSCRIBE", "news").elements.count == 3)
        try eventually("it waits") { try stage.connect().command("CLIENT", "LIST").text?.contains("cmd=blpop") == true }
        try stage.write(Stage.config(stage.endpoint, stage.shards[..<3], pool: ["timeout": "9000"]))
        try stage.reload(until: "is in use")
        let client = try stage.connect()
        #expect(try client.command("PUBLISH", "news", "hello") == 1)
        #expect(try listener.reply() == .array(["message", "news", "hello"]))
        #expect(try buyer.command("EXEC") == .array([.ok]))
        #expect(try client.command("RPUSH", "list", "x") == 1)
        #expect(try waiter.reply() == .array(["list", "x"]))
        for one in [buyer, waiter] { #expect(try one.command("GET", "m") == "1") }
        #expect(try listener.command("UNSUBSCRIBE", "news").elements.count == 3)
        #expect(try listener.command("GET", "m") == "1")
        #expect(try stage.keyway.terminate() == .exited(0))
    }

    /// Goal: copies of hot keys of the workers before are used by nobody once the new ones write.
    @Test(arguments: Servers.newest) func aClientReadsItsWritesAcross(_ server: Server) throws {
        let stage = try Stage(server)
        let hot = ["hot_keys": "cache", "hot_key_rate": "50", "hot_key_share": "0"]
        let stop = Flag()
        let load = BackgroundWork(4) { index in
            let client = try stage.connect()
            var turn = 0
            while !stop.isRaised {
                turn += 1
                let reads = [RESPValue](repeating: .text("\(turn)"), count: 50)
                let key = "h:\(index)"
                let written = try client.command("SET", key, "\(turn)")
                // Apart from the write: behind one that is under way no read takes a copy.
                let got = try (0..<4).flatMap { _ in try client.pipeline(reads.map { _ in ["GET", key] }) }
                guard written == .ok, got == reads + reads + reads + reads else {
                    throw ChildFailure("turn \(turn) of client \(index): \(written), \(got)")
                }
            }
            return turn
        }
        for round in 0..<4 {
            let pool = hot.merging(["timeout": "\(9_000 + round)"]) { $1 }
            try stage.write(Stage.config(stage.endpoint, stage.shards[..<3], pool: pool))
            try stage.reload(until: "is in use")
            try eventually("the workers of now answer from copies") {
                try load.hasFailed || copyHits(stage.connect()) > 0
            }
        }
        stop.raise()
        #expect(try load.results().allSatisfy { $0 > 5 })
    }

    /// Of the generation of workers that is current.
    private func copyHits(_ client: RESPConnection) throws -> Int {
        let info = try client.command("INFO", "keyway").text ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("keyway_copy_hits:") }
        return try Int(#require(line).dropFirst("keyway_copy_hits:".count)) ?? -1
    }
}
