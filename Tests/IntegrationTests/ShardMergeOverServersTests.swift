import Routing
import TestKit
import Testing
import Wire

/// Goal: the replies that are merged have the shapes that servers really send.
/// Method: three servers with some work behind them; every merged command in both protocols.
@Suite struct ShardMergeOverServersTests {
    private static func words(_ line: String) -> [[UInt8]] { line.split(separator: " ").map { Array($0.utf8) } }

    private static let commands: [(CommandID, String)] = [
        (.slowlogGet, "SLOWLOG GET 5"), (.slowlogGet, "SLOWLOG GET -1"), (.slowlogLen, "SLOWLOG LEN"),
        (.latencyLatest, "LATENCY LATEST"), (.latencyHistory, "LATENCY HISTORY command"),
        (.latencyGraph, "LATENCY GRAPH command"), (.latencyDoctor, "LATENCY DOCTOR"),
        (.latencyHistogram, "LATENCY HISTOGRAM"), (.latencyHistogram, "LATENCY HISTOGRAM set debug"),
        (.memoryDoctor, "MEMORY DOCTOR"), (.memoryMallocStats, "MEMORY MALLOC-STATS"),
        (.memoryStats, "MEMORY STATS"), (.memoryPurge, "MEMORY PURGE"), (.functionStats, "FUNCTION STATS"),
        (.functionList, "FUNCTION LIST"), (.functionList, "FUNCTION LIST WITHCODE"),
        (.functionDump, "FUNCTION DUMP"), (.scriptShow, "SCRIPT SHOW e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
        (.configSet, "CONFIG SET maxmemory 0"), (.configResetstat, "CONFIG RESETSTAT"),
        (.latencyReset, "LATENCY RESET"), (.slowlogReset, "SLOWLOG RESET"),
    ]
    private static let newCommands: [(CommandID, String)] = [
        (.commandlogGet, "COMMANDLOG GET 3 slow"), (.commandlogLen, "COMMANDLOG LEN slow"),
        (.commandlogReset, "COMMANDLOG RESET slow"),
    ]

    private func work(_ connection: RawConnection, libraries: [String]) throws {
        for line in [
            "CONFIG SET latency-monitor-threshold 1", "CONFIG SET slowlog-log-slower-than 0", "SET a b",
            "DEBUG SLEEP 0.01", "CLIENT SETNAME somebody",
        ] { _ = try connection.reply(line) }
        _ = try connection.reply(["SCRIPT", "LOAD", "return 1"].map { Array($0.utf8) })
        for library in libraries {
            let code = """
                #!lua name=\(library)
                redis.register_function{function_name='\(library)f', callback=function() return 1 end, \
                flags={'no-writes', 'allow-oom'}, description='a description that is long enough to be compressed'}
                redis.register_function('\(library)g', function() return 2 end)
                """
            let reply = try connection.reply(["FUNCTION", "LOAD", code].map { Array($0.utf8) })
            #expect(ReplyValue(parsing: reply)?.errorText == nil)
        }
    }

    @Test(arguments: Servers.found.filter { $0.product == .valkey }, [RESPVersion.two, .three])
    func everyMergedReplyIsUnderstood(server: Server, version: RESPVersion) throws {
        let names = ["alpha", "beta", "gamma"]
        let connections = try names.map { _ in
            try RawConnection(try ServerProcess(server, unixSocket: true), version)
        }
        for (index, connection) in connections.enumerated() {
            try work(connection, libraries: index == 1 ? ["three", "two", "one"] : ["one", "two", "three"])
        }
        for (id, line) in (server.major >= 9 ? Self.newCommands : []) + Self.commands {
            let arguments = Self.words(line)
            let wireName = arguments.prefix(2).map { String(decoding: $0, as: UTF8.self).lowercased() }
                .joined(separator: "|")
            let parts = try zip(names, connections).map { name, connection in
                ShardReply(shard: name, reply: try #require(ReplyValue(parsing: try connection.reply(arguments))))
            }
            let merged = try #require(ShardMerge(id, wireName: wireName, arguments: arguments)).merge(parts)
            #expect(merged.errorText == nil, "\(line): \(merged.errorText ?? "")")
            // The same kind of reply as each server's own, in this protocol.
            let kinds = Set(parts.map { $0.reply.encode(version: version)[0] })
            #expect(kinds.contains(merged.encode(version: version)[0]), "\(line)")
        }
    }

    @Test(arguments: Servers.found.filter { $0.product == .valkey })
    func functionsThatDifferAreSaid(server: Server) throws {
        let connections = try (0..<2).map { _ in
            try RawConnection(try ServerProcess(server, unixSocket: true), .three)
        }
        try work(connections[0], libraries: ["one", "two"])
        try work(connections[1], libraries: ["one"])
        for (id, line) in [(CommandID.functionList, "FUNCTION LIST"), (.functionDump, "FUNCTION DUMP")] {
            let parts = try zip(["alpha", "beta"], connections).map { name, connection in
                ShardReply(shard: name, reply: try #require(ReplyValue(parsing: try connection.reply(line))))
            }
            let merged = ShardMerge(id, wireName: "x", arguments: Self.words(line))?.merge(parts)
            #expect(merged?.errorText?.contains("of shard beta differ from those of shard alpha") == true)
        }
    }
}
