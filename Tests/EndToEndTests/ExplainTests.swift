// ExplainTests: KEYWAY EXPLAIN, `keyway explain` and what really happens say the same.

import Foundation
import TestKit
import Testing

@Suite struct ExplainTests {
    /// As `keyway explain` shows it, written anew here so that it is not compared with itself.
    private static func lines(_ reply: RESPValue) -> [String] {
        pairs(reply).flatMap { name, value -> [String] in
            guard case .array(let rows) = value else { return ["\(name): \(text(value))"] }
            return rows.isEmpty ? ["\(name): none"] : ["\(name):"] + rows.map { "  \(line(pairs($0)))" }
        }
    }

    private static func line(_ pairs: [(String, RESPValue)]) -> String {
        let rest = pairs.dropFirst().filter { !text($0.1).isEmpty }.map { "\($0.0) \(text($0.1))" }
        return "\(text(pairs[0].1)): \(rest.joined(separator: ", "))"
    }

    private static func pairs(_ map: RESPValue) -> [(String, RESPValue)] {
        stride(from: 0, to: map.elements.count, by: 2).map { (map.elements[$0].text ?? "?", map.elements[$0 + 1]) }
    }

    private static func text(_ value: RESPValue) -> String {
        if value == .null { return "none" }
        return value.text ?? value.elements.map(text).joined(separator: " ")
    }

    /// What only a running Keyway knows.
    private static func withoutLiveFields(_ lines: [String]) -> [String] {
        lines.map { $0.replacing(/, (copies|breaker) \w+/, with: "") }
    }

    private func shell(_ rig: Rig, _ options: [String], _ words: [String]) throws -> [String] {
        let answer = try KeywayProcess.run(["explain"] + options + ["--"] + words)
        #expect(answer.status == .exited(0), "\(answer)")
        return answer.output.split(separator: "\n").map(String.init)
    }

    /// Goal: one explanation, however it is asked for.
    @Test(arguments: Servers.newest) func theShellSaysWhatTheDataPortSays(_ server: Server) throws {
        let rig = try Rig(
            server, workers: 2, pool: ["redis_auth": "secret"], shardArguments: ["--requirepass", "secret"])
        let client = try rig.connect()
        #expect(try !client.command("HELLO", "3", "AUTH", "default", "secret").isError)
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        let config = rig.keyway.configPath!
        for words in [
            ["GET", keys[0]], ["MGET"] + keys, ["SINTER", keys[0], keys[1]], ["SUNIONSTORE", keys[0], keys[1]],
            ["SORT", keys[2], "BY", "w_*"], ["EVAL", "return 1", "0"], ["PUBLISH", "news", "m"], ["DBSIZE"], ["PING"],
            ["SET", "{tag}:\u{1B}\n", "v"], ["ZADD", keys[3], "-1", "m"], ["SHUTDOWN"],
        ] {
            let asked = Self.lines(try client.command(["KEYWAY", "EXPLAIN"] + words))
            #expect(asked.contains("command: \(words[0].lowercased())"), "\(asked)")
            let escaped = asked.map { $0.replacing("\u{1B}", with: "\\u{1B}").replacing("\n", with: "\\n") }
            #expect(try shell(rig, ["-c", config], words) == escaped)
            #expect(try shell(rig, ["-c", config, "--at", "\(rig.endpoint)"], words) == escaped)
            #expect(try shell(rig, ["-c", config, "--offline"], words) == Self.withoutLiveFields(escaped))
        }
        let refused = try KeywayProcess.run(["explain", "--at", "\(rig.endpoint)", "GET", "k"])
        #expect(refused.status == .exited(2) && refused.errors.contains("NOAUTH"), "\(refused)")
    }

    /// Goal: the shard that is named is the one that has the key, and its breaker is the real one.
    @Test(arguments: Servers.newest) func whatIsSaidIsTrue(_ server: Server) throws {
        let rig = try Rig(server, pool: ["breaker_failures": "1", "timeout": "500"])
        let client = try rig.connect()
        _ = try client.command("HELLO", "3")
        for (index, key) in try rig.keysByShard(prefix: "k").map({ $0[0] }).enumerated() {
            _ = try client.command("SET", key, "v")
            let told = Self.lines(try client.command("KEYWAY", "EXPLAIN", "GET", key))
            #expect(told.contains { $0.contains("shard shard\(index), address \(rig.shards[index].endpoint)") })
            #expect(told.last?.hasSuffix("keys \(key), breaker closed") == true)
            #expect(try RESPConnection(rig.shards[index].endpoint).command("EXISTS", key) == 1)
        }
        let key = try rig.keysByShard(prefix: "k")[2][0]
        rig.shards[2].kill()
        try eventually("the breaker is open") {
            _ = try client.command("GET", key)
            let told = Self.lines(try client.command("KEYWAY", "EXPLAIN", "GET", key))
            return told.last?.hasSuffix("breaker open") == true
        }
    }
}
