// LifeCycleTests: start, stop, limits of the process, what it listens on and what it tells about itself.
// Not here: embedded shards (EmbeddedShardTests), the texts of config errors (SettingsTests).

import Foundation
import Glibc
import TestKit
import Testing

@Suite(.serialized) struct LifeCycleTests {
    /// Goal: a request that was accepted is answered, whatever the operator does.
    /// Method: requests wait at a paused shard while SIGTERM comes; the shard goes on; they have to be answered.
    @Test(arguments: Servers.newest) func terminateAnswersWhatIsInFlight(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        let clients = try (0..<6).map { _ in try rig.connect() }
        for key in keys { #expect(try clients[0].command("SET", key, "of " + key) == .ok) }
        rig.shards[0].pause()
        for client in clients {
            try client.send(keys.flatMap { respCommand("GET", $0) } + respCommand(["MGET"] + keys))
        }
        try eventually("the requests are at the shard") { try rig.shards[0].hasUnreadInput() }
        rig.keyway.process.signal(SIGTERM)
        try eventually("nobody new is let in") { (try? RESPConnection(rig.endpoint)) == nil }
        rig.shards[0].resume()
        for client in clients {
            let values = keys.map { RESPValue.text("of " + $0) }
            #expect(try client.replies(keys.count + 1) == values + [.array(values)])
            #expect(try client.waitsForClose())
        }
        #expect(try rig.keyway.process.waitForExit() == .exited(0))
    }

    @Test(arguments: Servers.newest, [SIGTERM, SIGINT])
    func anIdleKeywayEndsAtOnce(_ server: Server, _ signal: Int32) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        #expect(try client.command("PING") == .simple("PONG"))
        let start = monotonicSeconds()
        rig.keyway.process.signal(signal)
        #expect(try client.waitsForClose())
        #expect(try rig.keyway.process.waitForExit() == .exited(0))
        #expect(monotonicSeconds() - start < 5, "an idle client is nothing to wait for")
    }

    /// Goal: a shard that never answers does not keep Keyway from ending.
    @Test(arguments: Servers.newest) func drainHasALimit(_ server: Server) throws {
        let rig = try Rig(server, pool: ["timeout": "60000"], process: ["drain_timeout": "500"])
        let key = try rig.keysByShard(prefix: "k")[0][0]
        let client = try rig.connect()
        rig.shards[0].pause()
        try client.send(respCommand("GET", key))
        try eventually("the request is at the shard") { try rig.shards[0].hasUnreadInput() }
        #expect(try rig.keyway.terminate(withinSeconds: 10) == .exited(0))
    }

    /// Goal: without free descriptors Keyway serves whom it has, does not spin, and lets in the next when it can.
    @Test(arguments: Servers.newest) func runningOutOfDescriptorsPausesAccepting(_ server: Server) throws {
        let rig = try Rig(server, openFileLimit: 80)
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        let first = try rig.connect()
        let many = try (0..<120).map { _ in
            let client = try rig.connect()
            try client.send(respCommand("PING"))
            return client
        }
        try eventually("Keyway is full") { rig.keyway.output.contains("cannot accept a client") }
        // Clients fill the house, and still there is a descriptor for every shard, even for one that comes back.
        for key in keys {
            try eventually("the shard of \(key) is reached") {
                try first.pipeline([["SET", key, "1"], ["GET", key]]) == [.ok, "1"]
            }
        }
        try rig.shards[0].restart()
        try eventually("the shard is used again") { try first.command("SET", keys[0], "1") == .ok }
        #expect(many.contains { !$0.hasInput(withinSeconds: 0) }, "some have to wait")
        let cpuBefore = rig.keyway.process.cpuSeconds
        let wallBefore = monotonicSeconds()
        _ = many.last!.hasInput(withinSeconds: 1)
        let share = (rig.keyway.process.cpuSeconds - cpuBefore) / max(0.1, monotonicSeconds() - wallBefore)
        #expect(share < 0.5, "Keyway spins while it cannot accept: \(share) of a core")
        for client in many {
            #expect(try client.reply() == .simple("PONG"))
            client.close()
        }
        #expect(try first.command(["MGET"] + keys) == .array(keys.map { _ in "1" }))
        #expect(try rig.connect().command("GET", keys[0]) == "1")
        let warnings = rig.keyway.output.split(separator: "\n").filter { $0.contains("cannot accept a client") }
        #expect(warnings.count == 1, "a shortage is said once: \(warnings)")
    }

    @Test(arguments: Servers.newest) func aUnixSocketListenerHasItsMode(_ server: Server) throws {
        let folder = TemporaryFolder()
        let shards = try (0..<2).map { _ in try ServerProcess(server, unixSocket: true) }
        let endpoint = Endpoint.unix(path: folder.file("keyway.sock"))
        let config = Rig.config(listen: "\(endpoint) 0600", servers: shards.map { $0.line(name: "s\($0.pid)") })
        let keyway = try KeywayProcess(config: config, endpoint: endpoint)
        var facts = stat()
        #expect(stat(endpoint.description, &facts) == 0)
        #expect(facts.st_mode & 0o777 == 0o600)
        let client = try RESPConnection(endpoint)
        #expect(try client.pipeline([["SET", "a", "1"], ["GET", "a"], ["DBSIZE"]]) == [.ok, "1", 1])
        // A socket file that a dead Keyway left must not keep the next one from starting.
        keyway.kill()
        let next = try KeywayProcess(config: config, endpoint: endpoint)
        #expect(try RESPConnection(endpoint).command("GET", "a") == "1")
        #expect(try next.terminate() == .exited(0))
    }

    /// Goal: exporters for twemproxy go on working: one JSON object, its names, and true numbers.
    @Test(arguments: Servers.newest) func theStatsPortSpeaksAsTwemproxyDoes(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let clients = try (0..<3).map { _ in try rig.connect() }
        let keys = (0..<200).map { "k\($0)" }
        for client in clients { _ = try client.pipeline(keys.map { ["SET", $0, "v"] }) }

        var pool: [String: Any] = [:]
        func read() throws -> [String: Any] {
            let bytes = try RESPConnection(rig.keyway.statsEndpoint).readToClose()
            let object = try JSONSerialization.jsonObject(with: Data(bytes))
            return try #require(object as? [String: Any])
        }
        let shardNames = (0..<4).map { "shard\($0)" }
        func sum(_ field: String) -> Int {
            shardNames.map { ((pool[$0] as? [String: Any])?[field] as? Int) ?? -1 }.reduce(0, +)
        }
        try eventually("600 requests are counted") {
            pool = try read()["test"] as? [String: Any] ?? [:]
            return sum("requests") == 600 && sum("responses") == 600
        }
        let all = try read()
        for name in ["service", "source", "version", "uptime", "timestamp", "total_connections", "curr_connections"] {
            #expect(all[name] != nil, "\(name) in \(all.keys)")
        }
        #expect(pool["client_connections"] as? Int == 3)
        for name in ["client_err", "server_ejects", "forward_error", "fragments"] {
            #expect(pool[name] as? Int == 0, "\(name): \(pool)")
        }
        for name in [
            "server_eof", "server_err", "server_timedout", "server_connections", "server_ejected_at", "request_bytes",
            "response_bytes", "in_queue", "in_queue_bytes", "out_queue", "out_queue_bytes",
        ] {
            #expect((pool["shard0"] as? [String: Any])?[name] is Int, "\(name): \(pool)")
        }
        #expect(sum("request_bytes") == 3 * keys.reduce(0) { $0 + respCommand("SET", $1, "v").count })
        #expect(sum("response_bytes") == 600 * 5)
        let ended = try #require(pool["client_eof"] as? Int)
        clients[0].close()
        _ = try clients[1].command(["MGET"] + keys)
        rig.shards[0].kill()
        try eventually("an end, an MGET's parts and a lost shard are counted") {
            pool = try read()["test"] as? [String: Any] ?? [:]
            return pool["client_eof"] as? Int == ended + 1 && pool["client_connections"] as? Int == 2
                && pool["fragments"] as? Int == 4 && sum("server_eof") + sum("server_err") > 0
                && (pool["shard0"] as? [String: Any])?["server_connections"] as? Int == 0
        }
    }

    @Test(arguments: Servers.newest) func twemproxysFlagsTestAConfig(_ server: Server) throws {
        let folder = TemporaryFolder()
        let good = try folder.write(Rig.config(listen: "127.0.0.1:1", servers: ["127.0.0.1:2:1"]), to: "good.yml")
        let bad = try folder.write("test:\n  listen: 127.0.0.1:1\n  hsah: md5\n", to: "bad.yml")
        for words in [["check"], ["-t", "-c"]] {
            #expect(try KeywayProcess.run(words + [good]).status == .exited(0))
            let answer = try KeywayProcess.run(words + [bad])
            #expect(answer.status != .exited(0))
            let text = answer.output + answer.errors
            #expect(text.contains("bad.yml:3") && text.contains("hsah") && text.contains("hash"), "\(text)")
        }
        #expect(try KeywayProcess.run(["--version"]).status == .exited(0))
        let missing = try KeywayProcess.run(["-c", folder.file("none.yml")])
        #expect(missing.status != .exited(0) && (missing.output + missing.errors).contains("none.yml"))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func shellsCompleteItsWords(_ shell: String) throws {
        let answer = try KeywayProcess.run(["--generate-completion-script", shell])
        #expect(answer.status == .exited(0))
        for word in ["keyway", "check", "route", "eject"] { #expect(answer.output.contains(word), "\(shell): \(word)") }
    }

    /// Goal: a port that is taken is said, and the start fails; nobody finds out later that half of it listens.
    @Test(arguments: Servers.newest) func aTakenPortFailsTheStart(_ server: Server) throws {
        let shard = try ServerProcess(server)
        let config = Rig.config(listen: shard.endpoint.description, servers: [shard.line()])
        let keyway = try KeywayProcess(config: config, endpoint: nil)
        #expect(try keyway.process.waitForExit() != .exited(0))
        #expect(keyway.output.contains(String(shard.endpoint.port)), "\(keyway.output)")
    }
}
