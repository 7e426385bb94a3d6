// TraceTests: KEYWAY TRACE between real clients and servers: lines of all workers, as text and as JSON.

import Foundation
import TestKit
import Testing

@Suite struct TraceTests {
    private struct Stage {
        let rig: Rig
        let keeper: RESPConnection

        init(_ server: Server, _ process: [String: String] = [:]) throws {
            rig = try Rig(
                server, shards: 2, workers: 2, pool: ["operator_commands": "true"],
                process: ["slowlog_keys": "true"].merging(process) { $1 })
            keeper = try rig.connect()
        }

        /// All that was said, beginning with the line's message.
        func lines(_ message: String) -> [Substring] {
            rig.keyway.output.split(separator: "\n").filter { $0.contains(" notice \(message)") }
        }

        /// Clients of both workers: the kernel gives each connection to one of them.
        func clientsOfBothWorkers() throws -> [RESPConnection] {
            var clients: [String: RESPConnection] = [:]
            for _ in 0..<200 where clients.count < 2 {
                let client = try rig.connect()
                let id = try #require(try client.command("CLIENT", "ID").integer)
                let list = try keeper.command("CLIENT", "LIST", "ID", "\(id)").text ?? ""
                let worker = try #require(list.firstMatch(of: /worker=(\d)/))
                clients[String(worker.1)] = client
            }
            try #require(clients.count == 2, "no connection came to the other worker")
            return Array(clients.values)
        }
    }

    @Test(arguments: Servers.newest) func keysAreTracedByAllWorkers(_ server: Server) throws {
        let stage = try Stage(server)
        let clients = try stage.clientsOfBothWorkers()
        #expect(try stage.keeper.command("KEYWAY", "TRACE", "KEYS", "user:*", "FOR", "60") == .ok)
        var ids: Set<Int> = []
        for client in clients {
            ids.insert(try #require(try client.command("CLIENT", "ID").integer))
            // The other worker hears of the trace by mail.
            try eventually("its requests are traced") {
                _ = try client.command("SET", "user:1", "a secret")
                return Set(stage.lines("trace ").compactMap { $0.firstMatch(of: /client=(\d+)/).flatMap { Int($0.1) } })
                    .isSuperset(of: ids)
            }
            _ = try client.command("SET", "other", "v")
            _ = try client.command("INCR", "user:1")
        }
        try eventually("both errors are told") { stage.lines("trace ").count { $0.contains("command=incr") } == 2 }
        for line in stage.lines("trace ") {
            let front = #/ notice trace backend_us=\d+ client=\d+ command=(set|incr) key=user:1 merge_us=\d+ /#
            let middle = #/ order_us=\d+ outcome=(answered|"error ERR") pool=test queue_us=\d+ reply_bytes=\d+ /#
            let end = #/ shard=shard[01] total_us=\d+$/#
            #expect(line.contains(front) && line.contains(middle) && line.contains(end), "\(line)")
        }
        #expect(!stage.rig.keyway.output.contains("secret"))
        #expect(try stage.keeper.command("KEYWAY", "TRACE", "OFF") == .ok)
        #expect(try stage.keeper.command("KEYWAY", "TRACE") == [])
        #expect(stage.lines("trace of keys 'user:*' of pool test ends").count == 1, "one worker tells")
    }

    @Test(arguments: Servers.newest) func aClientIsTracedAsJSON(_ server: Server) throws {
        let stage = try Stage(server, ["log_format": "json"])
        let client = try stage.clientsOfBothWorkers()[0]
        let id = try #require(try client.command("CLIENT", "ID").integer)
        #expect(try stage.keeper.command("KEYWAY", "TRACE", "CLIENT", "\(id)") == .ok)
        func traced() throws -> [[String: String]] {
            try stage.rig.keyway.output.split(separator: "\n").filter { $0.contains("\"message\":\"trace\"") }.map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: String])
            }
        }
        try eventually("it is traced") {
            _ = try client.command("MGET", "a", "b", "c", "d")
            return try !traced().isEmpty
        }
        let line = try traced()[0]
        #expect((line["client"], line["command"], line["key"]) == ("\(id)", "mget", "a"))
        #expect(line["outcome"] == "answered" && line["reply_bytes"] == "24")
        let times = ["queue_us", "backend_us", "merge_us", "order_us"].compactMap { line[$0].flatMap { Int($0) } }
        #expect(times.count == 4 && times.reduce(0, +) <= Int(line["total_us"]!)!)
        #expect(try traced().allSatisfy { $0["client"] == "\(id)" }, "nobody else")
    }

    /// Goal: a trace of everything under load costs the log a bounded number of lines, and ends.
    @Test(arguments: Servers.newest) func aBusyTraceIsBoundedAndEnds(_ server: Server) throws {
        let stage = try Stage(server)
        #expect(try stage.keeper.command("KEYWAY", "TRACE", "KEYS", "*", "FOR", "2") == .ok)
        let client = try stage.rig.connect()
        var count = 0
        try eventually("the trace ends") {
            count += try client.pipeline((0..<1_000).map { ["SET", "k\($0)", "v"] }).count
            return !stage.lines("trace of keys '*' of pool test ends").isEmpty
        }
        try eventually("what was left out is told") { stage.lines("trace: ").count > 0 }
        // It begins and ends within seconds of the clock, so it has a part of three at most.
        let lineCount = stage.lines("trace ").count { $0.contains("command=set") }
        #expect(lineCount > 0 && lineCount <= 300 && count > lineCount, "\(lineCount) lines")
        #expect(!stage.rig.keyway.output.contains("lines were left out like: trace"))
        #expect(try stage.keeper.command("KEYWAY", "TRACE") == [])
    }
}
