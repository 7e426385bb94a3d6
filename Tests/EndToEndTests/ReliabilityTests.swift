// What a failing, unwell or overloaded shard costs, with real servers: its own requests and nobody else's.

import Foundation
import Glibc
import TestKit
import Testing

@Suite(.serialized) struct ReliabilityTests {
    private func health(_ client: RESPConnection, _ field: String) throws -> [String] {
        try client.command("KEYWAY", "HEALTH").elements.map { row in
            let words = row.elements.map { $0.text ?? "" }
            return words.firstIndex(of: field).map { words[$0 + 1] } ?? ""
        }
    }

    private func key(_ rig: Rig, _ shard: Int, _ prefix: String = "r") throws -> String {
        try rig.keysByShard(prefix: prefix)[shard][0]
    }

    @Test(arguments: Servers.found) func aFrozenShardIsLeftAloneAndComesBack(_ server: Server) throws {
        let rig = try Rig(
            server, workers: 2, pool: ["timeout": "1500", "breaker_failures": "2", "breaker_open": "200"])
        let client = try rig.connect()
        let (frozen, well) = (try key(rig, 0), try key(rig, 1))
        #expect(try client.command("SET", frozen, "v") == .ok)
        rig.shards[0].pause()
        defer { rig.shards[0].resume() }
        for _ in 0..<2 { #expect(try client.command("GET", frozen).text?.hasPrefix("TIMEOUT") == true) }
        let refused = try client.command("GET", frozen).text ?? ""
        #expect(refused.hasPrefix("SHARDDOWN shard shard0") && refused.contains("next attempt in"), "\(refused)")
        #expect(try health(client, "breaker")[0] != "closed" && health(client, "breaker")[1] == "closed")
        let others = try (0..<8).map { _ in try rig.connect() }
        for other in others {
            #expect(try health(other, "breaker")[0] != "closed", "whichever worker is asked")
            #expect(try health(other, "reason")[0] != "")
        }
        #expect(try client.command("SET", well, "w") == .ok)
        rig.shards[0].resume()
        try eventually("it is well again") { try health(client, "breaker")[0] == "closed" }
        #expect(try client.command("GET", frozen) == "v")
        let events = try client.command("KEYWAY", "EVENTS").elements.compactMap { $0.elements.last?.text }
        #expect(events.contains { $0.hasPrefix("down: 2 requests in a row got no answer") }, "\(events)")
        #expect(
            rig.keyway.output.split(separator: "\n").count { $0.contains("shard0") && $0.contains(": down: ") } >= 1)
    }

    /// Goal: a replica that has lost its primary, and says so, gets no requests until it is well. Method: a real one.
    @Test(arguments: Servers.found) func aReplicaWithoutItsPrimaryIsLeftAlone(_ server: Server) throws {
        let rig = try Rig(server, pool: ["breaker_open": "200", "breaker_trickle": "0"])
        let client = try rig.connect()
        let key = try key(rig, 0)
        #expect(try client.command("SET", key, "v") == .ok)
        let direct = try rig.shards[0].connect()
        #expect(try direct.command("CONFIG", "SET", "replica-serve-stale-data", "no") == .ok)
        #expect(try direct.command("REPLICAOF", "127.0.0.1", "1") == .ok)
        try eventually("its own words reach the client, then Keyway's") {
            try client.command("GET", key).text?.hasPrefix("SHARDDOWN shard shard0") == true
        }
        #expect(try client.command("GET", key).text?.contains("answered PING with 'MASTERDOWN") == true)
        #expect(try direct.command("REPLICAOF", "NO", "ONE") == .ok)
        try eventually("it is a primary again") { try client.command("GET", key) == "v" }
    }

    /// Goal: a script that holds a shard up can be ended through the port. Method: a loop without end.
    @Test(arguments: Servers.found) func aBusyShardIsLeftAloneAndItsScriptCanBeEnded(_ server: Server) throws {
        let rig = try Rig(
            server, pool: ["breaker_open": "200", "breaker_trickle": "0"],
            shardArguments: ["--busy-reply-threshold", "50"])
        let client = try rig.connect()
        let busy = try rig.shards[0].connect()
        let key = try key(rig, 0)
        #expect(try client.command("SET", key, "v") == .ok)
        try busy.send(respCommand("EVAL", "while true do end", "1", key))
        try eventually("the shard is left alone") {
            try client.command("GET", key).text?.hasPrefix("SHARDDOWN shard shard0") == true
        }
        #expect(try client.command("GET", key).text?.contains("answered PING with 'BUSY") == true)
        #expect(try client.command("SCRIPT", "KILL") == .ok)
        #expect(try busy.replies(1)[0].isError)
        try eventually("it serves again") { try client.command("GET", key) == "v" }
    }

    /// Goal: the same where the script came through the port and everything waits behind it on its connection.
    @Test(arguments: Servers.found) func aScriptThatHoldsUpTheConnectionCanBeEnded(_ server: Server) throws {
        let rig = try Rig(server)
        let (client, busy) = (try rig.connect(), try rig.connect())
        let key = try key(rig, 0)
        #expect(try client.command("SET", key, "v") == .ok)
        try busy.send(respCommand("EVAL", "while true do end", "1", key))
        try eventually("it runs") { try rig.shards[0].connect().command("PING").text?.hasPrefix("BUSY") == true }
        #expect(try client.command("SCRIPT", "KILL") == .ok)
        #expect(try busy.replies(1)[0].isError)
        #expect(try client.command("GET", key) == "v")
    }

    @Test(arguments: Servers.newest) func aServerOfTheWrongRoleGetsNoRequests(_ server: Server) throws {
        let rig = try Rig(
            server,
            pool: [
                "expect_role": "primary", "health_check_interval": "100", "breaker_open": "100", "breaker_trickle": "0",
            ])
        let client = try rig.connect()
        let key = try key(rig, 0)
        #expect(try client.command("SET", key, "v") == .ok)
        let direct = try rig.shards[0].connect()
        #expect(try direct.command("REPLICAOF", "127.0.0.1", "1") == .ok)
        try eventually("the check finds it") {
            try client.command("GET", key).text?.contains("it is a replica, and expect_role is primary") == true
        }
        #expect(try direct.command("REPLICAOF", "NO", "ONE") == .ok)
        try eventually("it is back") { try client.command("GET", key) == "v" }
    }

    @Test(arguments: Servers.found, [1, 2])
    func keysMoveAwayAndComeBackWhereThePoolSaysSo(_ server: Server, _ workers: Int) throws {
        let rig = try Rig(
            server, workers: workers,
            pool: [
                "on_failure": "remap", "eject_return": "flush", "timeout": "1500", "breaker_failures": "2",
                "breaker_open": "200", "breaker_trickle": "0",
            ])
        let client = try rig.connect()
        let key = try key(rig, 0)
        #expect(try client.command("SET", key, "before") == .ok)
        rig.shards[0].pause()
        defer { rig.shards[0].resume() }
        try eventually("another shard has the key") { try client.command("GET", key) == .null }
        #expect(try health(client, "ring") == ["out", "in", "in", "in"])
        #expect(try client.command("SET", key, "meanwhile") == .ok)
        // Every worker places keys alike.
        for _ in 0..<8 { #expect(try rig.connect().command("GET", key) == "meanwhile") }
        rig.shards[0].resume()
        try eventually("it is back in the ring") { try health(client, "ring") == ["in", "in", "in", "in"] }
        try eventually("it was emptied first") { try client.command("GET", key) == .null }
        #expect(try rig.shards[0].connect().command("DBSIZE") == .integer(0))
    }

    @Test(arguments: Servers.newest) func aSparePoolStandsIn(_ server: Server) throws {
        let (shards, spares) = try (
            concurrently(2) { _ in try ServerProcess(server) }, concurrently(1) { _ in try ServerProcess(server) }
        )
        let (main, spare) = (Endpoint.freeTCP(), Endpoint.freeTCP())
        let common = "  hash: md5\n  timeout: 5000\n"
        let config = """
            test:
              listen: \(main)
              on_failure: gutter
              gutter: spare
              gutter_ttl: 60000
              breaker_trickle: 0
            \(common)  servers:
            \(shards.enumerated().map { "    - \($1.line(name: "s\($0)"))\n" }.joined())
            spare:
              listen: \(spare)
            \(common)  servers:
                - \(spares[0].line(name: "g0"))

            """
        let keyway = try KeywayProcess(config: config, endpoint: main)
        let client = try RESPConnection(main)
        let keys = (0..<40).map { "k\($0)" }
        for key in keys { #expect(try client.command("SET", key, "v") == .ok) }
        shards[0].kill()
        try eventually("the spare pool stands in") {
            try keys.allSatisfy { try client.command("GET", $0).isError == false }
        }
        let moved = try keys.filter { try client.command("GET", $0) == .null }
        #expect(!moved.isEmpty && moved.count < keys.count)
        #expect(try client.command(["MSET"] + keys.flatMap { [$0, "w"] }) == .ok)
        #expect(try client.command(["MGET"] + keys) == .array(keys.map { _ in .text("w") }))
        let direct = try spares[0].connect()
        for key in moved {
            guard case .integer(let ms) = try direct.command("PTTL", key) else {
                Issue.record("no PTTL of \(key)")
                continue
            }
            #expect((1...60_000).contains(ms))
        }
        #expect(try direct.command("DBSIZE") == .integer(moved.count))
        _ = keyway.pid
    }

    /// Goal: clients that ask for much and read nothing cannot take more memory than the file allows, and who reads is
    /// served. Method: 400 of them (10,000 in the long form) against a limit of 48 MB; the peak of resident memory.
    @Test(arguments: Servers.newest) func clientsThatStopReadingAreBounded(_ server: Server) throws {
        let isLong = ProcessInfo.processInfo.environment["KEYWAY_LONG_TESTS"] == "1"
        let limitMB = 48
        let rig = try Rig(server, process: ["memory_limit": "\(limitMB)mb", "maxclients": "20000"])
        let reader = try rig.connect()
        let keys = try rig.keysByShard(prefix: "m").map { $0[0] }
        for key in keys { #expect(try reader.command("SET", key, String(repeating: "x", count: 100_000)) == .ok) }
        let startKB = try peakKB(rig.keyway.pid)
        var greedy: [RESPConnection] = []
        for index in 0..<(isLong ? 10_000 : 400) {
            guard let client = try? rig.connect(receiveBufferBytes: 4_096) else { break }
            // Those that were cut meanwhile take no more.
            try? client.send((0..<40).flatMap { respCommand("GET", keys[(index + $0) % keys.count]) })
            greedy.append(client)
            if index % 50 == 0 { try expectAnswer(reader, keys[0], mayFail: isLong) }
        }
        try expectAnswer(reader, keys[1], mayFail: isLong)
        // Of those that were cut nothing is left there, and of the others little: it is no bound of Keyway's that
        // holds.
        let kernelBytes = try bytesToSend(fromPort: rig.endpoint.port)
        #expect(kernelBytes.max()! <= 512 << 10, "of one client")
        #expect(kernelBytes.reduce(0, +) <= greedy.count * 256 << 10, "of all")
        say("in the kernel: \(kernelBytes.max()! >> 10) KB of one, \(kernelBytes.reduce(0, +) >> 20) MB of all")
        let growthMB = (try peakKB(rig.keyway.pid) - startKB) / 1_024
        #expect(growthMB <= limitMB + 16, "resident memory grew by \(growthMB) MB")
        say("peak of resident memory: \(startKB / 1_024) MB + \(growthMB) MB with \(greedy.count) clients")
        greedy.removeAll()
        try eventually("all is given back") { try reader.command("GET", keys[2]).text?.count == 100_000 }
    }

    /// Goal: the kernel holds little for a client that does not read, and nothing for one that was cut. Method: what
    /// the kernel says of the connection, below the limit at which Keyway cuts it and above.
    @Test(arguments: Servers.newest, [false, true])
    func whatAClientDoesNotReadIsHeldHereNotInTheKernel(_ server: Server, _ isCut: Bool) throws {
        let limits = ["client_output_buffer_soft_limit": "256kb", "client_output_buffer_soft_time": "1"]
        let rig = try Rig(server, process: isCut ? limits : [:])
        let reader = try rig.connect()
        #expect(try reader.command("SET", "k", String(repeating: "x", count: 100_000)) == .ok)
        let client = try rig.connect(receiveBufferBytes: 4_096)
        defer { withExtendedLifetime(client) {} }
        try client.send((0..<20).flatMap { _ in respCommand("GET", "k") })
        try eventually("something waits") { try bytesToSend(fromPort: rig.endpoint.port).max()! > 64 << 10 }
        if isCut {
            try eventually("it is cut") { rig.keyway.output.contains("client_output_buffer_soft_limit") }
            try eventually("nothing is left") { try bytesToSend(fromPort: rig.endpoint.port).max()! == 0 }
        } else {
            for _ in 0..<10 { _ = try reader.command("GET", "k") }
            #expect(try bytesToSend(fromPort: rig.endpoint.port).max()! <= 512 << 10)
        }
    }

    /// - Parameter mayFail: behind gigabytes that others have asked the same server for, an error in time is an answer
    /// of
    ///   a debug build.
    private func expectAnswer(_ reader: RESPConnection, _ key: String, mayFail: Bool) throws {
        let text = try reader.command("GET", key).text ?? ""
        let isError = ["TIMEOUT ", "OVERLOADED ", "SHARDDOWN ", "CONNLOST "].contains { text.hasPrefix($0) }
        #expect(text.count == 100_000 || (mayFail && isError), "\(text.prefix(300))")
    }

    /// What the kernel has to send of each connection, also of those that the process has closed.
    private func bytesToSend(fromPort port: Int) throws -> [Int] {
        // Not `String(contentsOfFile:)`, which reads one page of such a file.
        let table = try #require(FileHandle(forReadingAtPath: "/proc/net/tcp")).readDataToEndOfFile()
        return String(decoding: table, as: UTF8.self).split(separator: "\n").dropFirst().compactMap {
            let words = $0.split(separator: " ")
            guard words[1].hasSuffix(":" + String(format: "%04X", port)) else { return nil }
            return Int(words[4].prefix { $0 != ":" }, radix: 16)
        }
    }

    private func peakKB(_ pid: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }

    /// Goal: a storm of new clients leaves time for those who are here. Method: a low rate, and one who is connected.
    @Test(arguments: Servers.newest) func newClientsComeInAtTheirRate(_ server: Server) throws {
        let rig = try Rig(server, process: ["accept_rate": "100"])
        let client = try rig.connect()
        let storm = BackgroundWork(4) { _ in
            try (0..<40).map { _ in try rig.connect() }.allSatisfy { try $0.command("PING") == .simple("PONG") }
        }
        for _ in 0..<50 { #expect(try client.command("SET", "k", "v") == .ok) }
        #expect(try storm.results() == [true, true, true, true])
    }

    /// Goal: a bug that ends the process says so, and leaves no server behind. Method: a fatal signal from outside.
    @Test(arguments: Servers.newest) func aFatalSignalHasALastWord(_ server: Server) throws {
        let rig = try Rig(server)
        kill(rig.keyway.pid, SIGSEGV)
        try eventually("it has ended") { rig.keyway.process.exitStatus != nil }
        #expect(rig.keyway.process.exitStatus == .signalled(SIGSEGV))
        #expect(rig.keyway.output.contains("keyway: fatal signal 11: this is a bug of Keyway"))
    }
}
