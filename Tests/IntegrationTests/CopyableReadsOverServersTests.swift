import Routing
import TestKit
import Testing
import Wire

/// Goal: a copy that was read in RESP3 answers a RESP2 client with the bytes that the server would have sent it.
/// Method: every copyable command on keys of every type is asked of a real server in both protocols.
struct CopyableReadsOverServersTests {
    private static let data = [
        "SET text hello", "SET number 12", "SETRANGE binary 3 \u{0}x", "APPEND empty x", "SETRANGE empty 0 ",
        "RPUSH list a b c", "SADD set m", "SADD ints 1 2 3", "ZADD scores 1 a 1.5 b -inf c 3e21 d 0.1 e",
        "HSET hash f v g 1 h 2.5",
    ]

    private static let arguments: [CommandID: [String]] = [
        .getrange: ["0 2", "-3 -1"], .substr: ["0 -1"], .getbit: ["0", "7"], .bitcount: ["", "0 1"],
        .lrange: ["0 -1", "5 9"], .lindex: ["0", "99"], .sismember: ["m", "1", "zz"], .smismember: ["m zz 1"],
        .zscore: ["a", "b", "c", "d", "e", "zz"], .zmscore: ["a zz d"], .zcount: ["-inf +inf"],
        .zlexcount: ["- +"], .zrangebylex: ["- +"], .zrevrangebylex: ["+ -"], .hget: ["f", "zz"],
        .hmget: ["f zz g"], .hexists: ["f", "zz"], .hstrlen: ["f", "zz"], .zrange: ["0 -1", "(1 +inf BYSCORE"],
        .zrevrange: ["0 1"], .zrangebyscore: ["-inf +inf", "0 9 LIMIT 1 2"], .zrevrangebyscore: ["+inf -inf"],
        .zrank: ["a", "zz"], .zrevrank: ["d", "zz"],
    ]

    @Test(arguments: Servers.found) func bothProtocolsAreMetByteForByte(_ server: Server) throws {
        let process = try ServerProcess(server, unixSocket: true)
        let two = try RawConnection(process, .two)
        let three = try RawConnection(process, .three)
        for line in Self.data { _ = try two.reply(line) }
        let names = CommandTable()
        var compared = 0
        for (_, commands) in CopyableReads.commands {
            for command in commands {
                for key in ["text", "number", "binary", "empty", "list", "set", "ints", "scores", "hash", "missing"] {
                    for more in Self.arguments[command] ?? [""] {
                        let line = "\(names.name(of: command)) \(key) \(more)"
                        let expected = try two.reply(line)
                        let reply = try three.reply(line)
                        var out = [UInt8](repeating: 0, count: RESP2Form.sizeBytesMax(of: reply.count))
                        out.removeLast(out.count - RESP2Form.write(reply, count: reply.count, to: &out))
                        #expect(out == expected, "\(line)")
                        compared += 1
                    }
                }
            }
        }
        #expect(compared > 500)
    }
}
