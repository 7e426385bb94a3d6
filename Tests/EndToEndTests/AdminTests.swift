// AdminTests: the admin port of the real program, asked by curl, read by promtool, and looked at in a real browser.
// What is not installed is skipped aloud, or fails under KEYWAY_TEST_REQUIRE_SERVERS=1.
// Not here: each answer and each limit (Tests/AdminTests).

import Foundation
import TestKit
import Testing

/// The path of a program; nil after it was said that it is missing.
private func program(_ name: String) -> String? {
    let inTools = Servers.packageRoot + "/.tools/" + name
    if FileManager.default.isExecutableFile(atPath: inTools) { return inTools }
    if let path = Servers.program(name) { return path }
    say("SKIPPED: \(name) is not here, so nothing is tested with it; `make test` installs it")
    if Servers.areRequired { Issue.record("\(name) is missing and KEYWAY_TEST_REQUIRE_SERVERS is 1") }
    return nil
}

@Suite(.serialized) struct AdminTests {
    private static let token = "0123456789abcdef0123"

    /// A rig with an admin port.
    private struct Stage {
        let rig: Rig
        let admin: Endpoint
        var url: String { "http://\(admin)" }

        init(_ server: Server, pool: [String: String] = [:], process: [String: String] = [:]) throws {
            admin = .freeTCP()
            rig = try Rig(
                server, workers: 2, pool: pool,
                process: ["admin_listen": admin.description, "admin_token": AdminTests.token].merging(process) { $1 })
            // The pool listens a moment before the admin port does.
            try eventually("the admin port answers") { try curl("/healthz").status == 200 }
        }

        /// - Returns: the status and the body.
        func curl(_ path: String, _ options: String...) throws -> (status: Int, body: String) {
            let curl = try #require(Servers.program("curl"))
            let answer = try ChildProcess.run(
                curl, ["-s", "-m", "10", "-w", "\n%{http_code}"] + options + [url + path], withinSeconds: 20)
            let lines = answer.output.split(separator: "\n", omittingEmptySubsequences: false)
            return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
        }

        func json(_ path: String) throws -> [String: Any] {
            let body = try curl(path).body
            return try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any], "\(body)")
        }

        func post(_ path: String, token: String = AdminTests.token) throws -> (status: Int, body: String) {
            try curl(path, "-X", "POST", "-H", "Authorization: Bearer \(token)")
        }
    }

    @Test(arguments: Servers.newest) func metricsAreThoseOfTheTrafficAndPromtoolTakesThem(_ server: Server) throws {
        guard program("curl") != nil, let promtool = program("promtool") else { return }
        let stage = try Stage(server)
        let client = try stage.rig.connect()
        for index in 0..<100 { _ = try client.command("SET", "k\(index)", "v") }
        for index in 0..<150 { _ = try client.command("GET", "k\(index)") }
        let metrics = try stage.curl("/metrics")
        #expect(metrics.status == 200)
        let lines = metrics.body.split(separator: "\n")
        func value(_ series: String) -> Double? {
            lines.first { $0.hasPrefix(series + " ") }.flatMap { Double($0.dropFirst(series.count + 1)) }
        }
        func sum(_ family: String) -> Double {
            lines.filter { $0.hasPrefix(family + "{") }.compactMap { Double($0.split(separator: " ").last ?? "") }
                .reduce(0, +)
        }
        #expect(value(#"keyway_command_seconds_count{pool="test",command="get"}"#) == 150)
        #expect(value(#"redis_commands_total{cmd="set"}"#) == 100)
        #expect(sum("keyway_shard_lookups_total") == 150 && sum("keyway_shard_lookup_misses_total") == 50)
        #expect(sum("keyway_shard_backend_seconds_count") >= 250)
        #expect(abs(sum("keyway_shard_ring_ratio") - 1) < 1e-9)
        #expect(value("redis_connected_clients") == 1)
        let found = try ChildProcess.run(promtool, ["check", "metrics"], input: Array(metrics.body.utf8))
        #expect(found.status == .exited(0) && found.output.isEmpty && found.errors.isEmpty, "\(found)")
    }

    @Test func promtoolTakesTheAlerts() throws {
        guard let promtool = program("promtool") else { return }
        let found = try ChildProcess.run(
            promtool, ["check", "rules", Servers.packageRoot + "/packaging/prometheus/alerts.yml"])
        #expect(found.status == .exited(0), "\(found)")
    }

    @Test(arguments: Servers.newest) func healthAndReadinessFollowTheShards(_ server: Server) throws {
        guard program("curl") != nil else { return }
        let stage = try Stage(server)
        #expect(try stage.curl("/healthz") == (200, "ok\n"))
        #expect(try stage.curl("/readyz") == (200, "ready\n"))
        let keys = try stage.rig.keysByShard(prefix: "k").map { $0[0] }
        let client = try stage.rig.connect()
        for key in keys { _ = try client.command("GET", key) }
        for shard in [0, 1] { stage.rig.shards[shard].kill() }
        try eventually("half of the shards are too few") {
            for key in keys { _ = try client.command("GET", key) }
            return try stage.curl("/readyz").status == 503
        }
        #expect(try stage.curl("/healthz").status == 200)
        try stage.rig.shards[0].restart()
        try eventually("three of four are enough") { try stage.curl("/readyz").status == 200 }
    }

    @Test(arguments: Servers.newest) func anEjectedShardGetsNothingUntilItIsReadmitted(_ server: Server) throws {
        guard program("curl") != nil else { return }
        let stage = try Stage(server)
        let key = try stage.rig.keysByShard(prefix: "k")[2][0]
        let client = try stage.rig.connect()
        #expect(try client.command("SET", key, "v") == .ok)
        #expect(try stage.json("/api/route?key=\(key)")["shard"] as? String == "shard2")
        let path = "/api/pools/test/shards/shard2/"
        #expect(try stage.post(path + "eject", token: "wrong").status == 401)
        #expect(try stage.curl(path + "eject").status == 404, "GET changes nothing")
        #expect(try client.command("GET", key) == .text("v"))
        let ejected = try stage.post(path + "eject")
        #expect(ejected.status == 200 && ejected.body.contains("out of the ring"))
        try eventually("all workers place keys anew") { try client.command("GET", key) == .null }
        #expect(try stage.json("/api/route?key=\(key)")["shard"] as? String != "shard2")
        #expect(try stage.post(path + "readmit").status == 200)
        try eventually("it is back") { try client.command("GET", key) == .text("v") }
        #expect(try stage.post(path + "readmit").status == 409)
        #expect(try stage.post("/api/pools/test/shards/none/eject").status == 404)
        #expect(try stage.post("/api/log-level?level=debug").body.contains("debug"))
        #expect(try stage.post("/api/log-level?level=loud").status == 404)
    }

    /// Goal: what a page of another origin can send is refused.
    @Test(arguments: Servers.newest) func otherNamesAndOriginsAreRefused(_ server: Server) throws {
        guard program("curl") != nil else { return }
        let stage = try Stage(server)
        #expect(try stage.curl("/api/overview", "-H", "Host: rebound.example").status == 421)
        #expect(try stage.curl("/api/overview", "-H", "Origin: http://evil.example").status == 403)
        let answer = try stage.curl("/api/overview", "-i")
        #expect(answer.status == 200 && !answer.body.lowercased().contains("access-control"))
    }

    @Test(arguments: Servers.newest) func theOverviewTellsWhatHappens(_ server: Server) throws {
        guard program("curl") != nil else { return }
        let stage = try Stage(server, process: ["slowlog_slower_than": "50", "slowlog_keys": "true"])
        let key = try stage.rig.keysByShard(prefix: "k")[1][0]
        let client = try stage.rig.connect()
        _ = try client.command("GET", key)
        stage.rig.shards[1].pause()
        try client.send(respCommand("GET", key))
        try eventually("the request is at the shard") { try stage.rig.shards[1].hasUnreadInput() }
        let paused = monotonicSeconds()
        try eventually("it is slow") { monotonicSeconds() - paused > 0.1 }
        stage.rig.shards[1].resume()
        _ = try client.replies(1)
        let overview = try stage.json("/api/overview")
        let slow = try #require((overview["slow_log"] as? [[String: Any]])?.first)
        #expect(slow["key"] as? String == key && slow["shard"] as? String == "shard1")
        #expect(try #require(slow["backend_us"] as? Int) >= 50_000)
        let pool = try #require((overview["pools"] as? [[String: Any]])?.first)
        #expect((pool["shards"] as? [[String: Any]])?.count == 4)
        #expect((try stage.json("/api/ring")["owners"] as? [Int])?.count == 720)
        for path in ["/api/history", "/api/hotkeys", "/api/slowlog", "/api/events?count=1"] {
            let answer = try stage.curl(path)
            #expect(answer.status == 200 && answer.body.hasPrefix("["), "\(path)")
        }
        #expect(try stage.curl("/api/nothing").status == 404)
    }

    @Test(arguments: Servers.newest) func theCommandsShowTheSameInATerminal(_ server: Server) throws {
        let stage = try Stage(server)
        let client = try stage.rig.connect()
        for index in 0..<50 { _ = try client.command("SET", "k\(index)", "v") }
        let stats = try KeywayProcess.run(["stats", "--admin", stage.admin.description])
        #expect(stats.status == .exited(0), "\(stats)")
        for word in ["ready", "pool test on", "shard3"] {
            #expect(stats.output.contains(word), "\(stats.output)")
        }
        try eventually("the next second's look has the commands") {
            try KeywayProcess.run(["stats", "--admin", stage.admin.description]).output.contains("set ")
        }
        let json = try KeywayProcess.run(["stats", "--json", "--admin", stage.admin.description])
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["pools"] != nil && json.output.hasSuffix("}\n"))
        let top = try KeywayProcess.run(["top", "--count", "2", "--admin", stage.admin.description])
        #expect(top.status == .exited(0) && top.output.components(separatedBy: "pool test on").count == 3)
        let nobody = try KeywayProcess.run(["stats", "--admin", Endpoint.freeTCP().description])
        #expect(nobody.status == .exited(2) && nobody.errors.contains("no Keyway's admin port at"))
        #expect(try KeywayProcess.run(["stats"]).status == .exited(64))
    }

    /// Goal: after a reload the port shows the new workers, and shards that they have.
    @Test(arguments: Servers.newest) func afterAReloadThePortShowsTheNewWorkers(_ server: Server) throws {
        guard program("curl") != nil else { return }
        let stage = try Stage(server)
        let path = try #require(stage.rig.keyway.configPath)
        let config = try String(contentsOfFile: path, encoding: .utf8)
        func weights() throws -> [Int] {
            let pools = try stage.json("/api/overview")["pools"] as? [[String: Any]]
            return (pools?.first?["shards"] as? [[String: Any]] ?? []).compactMap { $0["weight"] as? Int }
        }
        #expect(try weights() == [1, 1, 1, 1])
        try config.replacing("workers: 2", with: "workers: 1").write(toFile: path, atomically: true, encoding: .utf8)
        stage.rig.keyway.process.signal(SIGUSR1)
        try eventually("one worker") {
            (try stage.json("/api/overview")["workers"] as? [Any])?.count == 1
        }
        #expect(try weights() == [1, 1, 1, 1] && stage.curl("/metrics").status == 200)
    }

    /// Goal: the page loads without an error, shows a shard that goes down and comes back, answers where a key lives,
    /// and can be walked through by keyboard; in light and dark, and on a phone nothing is wider than the screen.
    @Test(arguments: Servers.newest) func theBrowserShowsAShardGoingDownAndComingBack(_ server: Server) throws {
        guard let chromium = program("chromium"), let python = program("venv/bin/python") else { return }
        let stage = try Stage(server)
        let keys = try stage.rig.keysByShard(prefix: "k").map { $0[0] }
        let client = try stage.rig.connect()
        let script = try #require(Bundle.module.url(forResource: "page", withExtension: "py", subdirectory: "clients"))
        let browser = try ChildProcess(python, [script.path, chromium, stage.url + "/", keys[0]])
        func waitFor(_ word: String) throws {
            do {
                try eventually("the page: \(word)", withinSeconds: 60) {
                    if browser.standardOutput.contains(word) { return true }
                    if let status = browser.exitStatus { throw ChildFailure("the script ended: \(status)") }
                    for key in keys { _ = try client.command("GET", key) }
                    return false
                }
            } catch {
                throw ChildFailure("\(error)\n\(browser.standardOutput)\n\(browser.standardError)")
            }
        }
        try waitFor("all up")
        stage.rig.shards[3].kill()
        try waitFor("shard3 is down")
        try stage.rig.shards[3].restart()
        try waitFor("all well")
        #expect(try browser.waitForExit() == .exited(0), "\(browser.standardOutput)\(browser.standardError)")
    }
}
