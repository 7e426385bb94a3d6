// EmbeddedShardTests: shards that Keyway starts itself, and what becomes of them.

import Foundation
import Glibc
import TestKit
import Testing

@Suite(.serialized) struct EmbeddedShardTests {
    /// The port of "redis-cli -p PORT" in the start line.
    private func announcedPort(_ keyway: KeywayProcess) throws -> Int {
        var port: Int?
        try eventually("keyway says how to connect") {
            if let status = keyway.process.exitStatus { throw ChildFailure("ended \(status): \(keyway.output)") }
            let words = keyway.output.split(whereSeparator: { " \n\"`'".contains($0) })
            for (word, next) in zip(words, words.dropFirst()) where word == "-p" {
                port = port ?? Int(next.prefix { $0.isNumber })
            }
            return port != nil
        }
        return port!
    }

    /// Its port is a fixed one, so another test run on this machine may have it for a while.
    private func startWithoutConfig(_ variables: [String: String]) throws -> KeywayProcess {
        var keyway: KeywayProcess?
        try eventually("the default port is free", withinSeconds: 60) {
            let attempt = try KeywayProcess(config: nil, endpoint: nil, environment: variables)
            keyway = attempt
            try eventually("it starts or fails") {
                attempt.process.exitStatus != nil || attempt.output.contains("redis-cli -p")
            }
            return attempt.process.exitStatus == nil || !attempt.output.contains("Address already in use")
        }
        return keyway!
    }

    /// PATH with the folder of this server in front, so that Keyway finds that version.
    private func environment(_ server: Server) throws -> (folder: TemporaryFolder, variables: [String: String]) {
        let folder = TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("valkey-server"), withDestinationPath: server.path)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return (folder, ["PATH": folder.path + ":" + path])
    }

    private func shards(_ keyway: KeywayProcess) -> [Int32] { keyway.process.children(named: "-server") }

    @Test(arguments: Servers.found) func withoutAConfigThereAreFourShards(_ server: Server) throws {
        let (folder, variables) = try environment(server)
        defer { withExtendedLifetime(folder) {} }
        let keyway = try startWithoutConfig(variables)
        let endpoint = Endpoint.tcp(port: try announcedPort(keyway))
        try keyway.waitUntilItAnswers(at: endpoint)
        #expect(shards(keyway).count == 4)
        let client = try RESPConnection(endpoint)
        let keys = (0..<200).map { "k\($0)" }
        try eventually("all shards take writes") {
            try client.pipeline(keys.map { ["SET", $0, "of " + $0] }).allSatisfy { $0 == .ok }
        }
        #expect(try client.command(["MGET"] + keys) == .array(keys.map { .text("of " + $0) }))
        #expect(try client.command("DBSIZE") == 200)
        let children = shards(keyway)
        #expect(try keyway.terminate() == .exited(0))
        try eventually("the shards ended") { !children.contains { isRunning($0) } }
    }

    private func embedded(_ count: Int, _ server: Server) throws -> (KeywayProcess, Endpoint, TemporaryFolder) {
        let (folder, variables) = try environment(server)
        let endpoint = Endpoint.freeTCP()
        let config = """
            keyway:
              workers: 1
            test:
              listen: \(endpoint)
              redis: true
              timeout: 5000
              servers:
                embedded: \(count)

            """
        return (try KeywayProcess(config: config, endpoint: endpoint, environment: variables), endpoint, folder)
    }

    /// Goal: the config's memory, eviction and persistence are the servers' own, and what was written outlives Keyway.
    @Test(arguments: Servers.found, ["append", "snapshot"])
    func settingsReachTheServersAndDataOutlivesKeyway(_ server: Server, _ persistence: String) throws {
        let folder = TemporaryFolder()
        let endpoint = Endpoint.freeTCP()
        let config = """
            keyway:
              workers: 1
            test:
              listen: \(endpoint)
              servers:
                embedded: 2
                memory: 33mb
                eviction: volatile-ttl
                persistence: \(persistence)
                directory: \(folder.file("data"))
                binary: \(server.path)

            """
        let keys = (0..<50).map { "k\($0)" }
        let first = try KeywayProcess(config: config, endpoint: endpoint)
        let client = try RESPConnection(endpoint)
        #expect(try client.pipeline(keys.map { ["SET", $0, "of " + $0] }).allSatisfy { $0 == .ok })
        for index in 0..<2 {
            let direct = try RESPConnection(.unix(path: folder.file("data/shard-\(index).sock")))
            for (name, value) in [
                ("maxmemory", "\(33 << 20)"), ("maxmemory-policy", "volatile-ttl"), ("port", "0"),
                ("appendonly", persistence == "append" ? "yes" : "no"),
            ] {
                #expect(try direct.command("CONFIG", "GET", name) == [.text(name), .text(value)])
            }
            #expect(try direct.command("INFO", "server").text?.contains(server.version) == true)
            #expect(try direct.command("DBSIZE").integer ?? 0 > 0)
        }
        #expect(try first.terminate() == .exited(0))
        let next = try KeywayProcess(config: config, endpoint: endpoint)
        let after = try RESPConnection(endpoint)
        try eventually("the data is read back") { try after.command("DBSIZE") == 50 }
        #expect(try after.command(["MGET"] + keys) == .array(keys.map { .text("of " + $0) }))
        #expect(try next.terminate() == .exited(0))
    }

    /// Goal: whatever ends Keyway, no server is left that nobody looks after.
    @Test(arguments: Servers.found) func killingKeywayLeavesNoShardBehind(_ server: Server) throws {
        let (keyway, endpoint, folder) = try embedded(3, server)
        defer { withExtendedLifetime(folder) {} }
        #expect(try RESPConnection(endpoint).command("PING") == .simple("PONG"))
        try eventually("three shards run") { shards(keyway).count == 3 }
        let children = shards(keyway)
        defer { for child in children where isRunning(child) { kill(child, SIGKILL) } }
        keyway.kill()
        try eventually("the shards ended") { !children.contains { isRunning($0) } }
    }

    @Test(arguments: Servers.found) func aKilledShardIsStartedAgain(_ server: Server) throws {
        let (keyway, endpoint, folder) = try embedded(2, server)
        defer { withExtendedLifetime(folder) {} }
        try eventually("two shards run") { shards(keyway).count == 2 }
        let before = shards(keyway)
        let client = try RESPConnection(endpoint)
        let keys = (0..<50).map { "k\($0)" }
        try eventually("writes work") { try client.pipeline(keys.map { ["SET", $0, "v"] }).allSatisfy { $0 == .ok } }
        kill(before[0], SIGKILL)
        try eventually("another one runs in its place") {
            let now = shards(keyway)
            return now.count == 2 && !now.contains(before[0]) && now.contains(before[1])
        }
        try eventually("writes work again") {
            try client.pipeline(keys.map { ["SET", $0, "w"] }).allSatisfy { $0 == .ok }
        }
        #expect(try client.command(["MGET"] + keys) == .array(keys.map { _ in "w" }))
        #expect(try keyway.terminate() == .exited(0))
    }
}
