import Routing
import TestKit
import Testing
import Wire

/// Goal: a copy that is gone is never taken for a value, and a copy says what its key says.
/// Method: every command that copies answer is asked of a real server, in both protocols: about a key that is not
/// there, and about keys of every type and their copies by DUMP and RESTORE.
struct SpreadReadsOverServersTests {
    private static let data = [
        "SET text hello", "SET number 12", "SETRANGE binary 3 \u{0}x", "RPUSH list a b c", "SADD set m",
        "SADD ints 1 2 3", "ZADD scores 1 a 1.5 b -inf c 3e21 d", "HSET hash f v g 1", "XADD stream 1-1 f v",
        "GEOADD places 13.4 52.5 berlin 2.35 48.85 paris",
    ]
    private static let keys = [
        "text", "number", "binary", "list", "set", "ints", "scores", "hash", "stream", "places",
    ]

    private static let arguments: [CommandID: [String]] = [
        .getrange: ["0 2"], .substr: ["0 -1"], .getbit: ["0", "7"], .bitcount: ["", "0 1"],
        .bitpos: ["1", "0", "0 0 0"],
        .bitfieldRo: ["GET u8 0 GET i4 4"], .lrange: ["0 -1"], .lindex: ["0"], .lpos: ["a", "a COUNT 0"],
        .sismember: ["m", "zz"], .smismember: ["m zz"], .srandmember: ["", "-1"], .zscore: ["a"], .zmscore: ["a zz"],
        .zcount: ["-inf +inf"], .zlexcount: ["- +"], .zrangebylex: ["- +"], .zrevrangebylex: ["+ -"],
        .hget: ["f", "zz"],
        .hmget: ["f zz"], .hexists: ["f"], .hstrlen: ["f"], .hrandfield: ["", "-1 WITHVALUES"],
        .zrandmember: ["", "-1 WITHSCORES"], .zrange: ["0 -1", "0 -1 WITHSCORES"], .zrevrange: ["0 -1 WITHSCORES"],
        .zrangebyscore: ["-inf +inf WITHSCORES"], .zrevrangebyscore: ["+inf -inf"], .zrank: ["a", "zz"],
        .zrevrank: ["a"], .xrange: ["- +"], .xrevrange: ["+ -"], .geodist: ["berlin paris"], .geohash: ["berlin zz"],
        .geopos: ["berlin zz"], .geosearch: ["FROMMEMBER berlin BYRADIUS 2000 km ASC", "FROMLONLAT 1 2 BYRADIUS 9 m"],
        .georadiusRo: ["13 52 900 km ASC"], .georadiusbymemberRo: ["berlin 900 km"],
    ]
    private static let random: Set<CommandID> = [.srandmember, .hrandfield, .zrandmember]

    @Test(arguments: Servers.found) func repliesAboutAMissingKeyAreDoubted(_ server: Server) throws {
        let process = try ServerProcess(server, unixSocket: true)
        let names = CommandTable()
        for version in [RESPVersion.two, .three] {
            let connection = try RawConnection(process, version)
            for command in SpreadReads.commands {
                for more in Self.arguments[command] ?? [""] {
                    let line = "\(names.name(of: command)) missing \(more)"
                    let reply = try connection.reply(line)
                    let isDoubted = reply.withUnsafeBufferPointer {
                        let view = ByteView(start: $0.baseAddress!, count: $0.count)
                        return ReplyMerge.isError(view) || MissingKeyReply.couldBe(view)
                    }
                    #expect(isDoubted, "\(line): \(String(decoding: reply, as: UTF8.self))")
                }
            }
        }
    }

    @Test(arguments: Servers.found) func copiesSayWhatTheirKeysSay(_ server: Server) throws {
        let (here, there) = (try ServerProcess(server), try ServerProcess(server))
        let (from, to) = (try here.connect(), try there.connect())
        for line in Self.data {
            let words = line.split(separator: " ").map { Array($0.utf8) }
            try from.send(respCommand(words))
            _ = try from.reply()
        }
        for key in Self.keys {
            try from.send(respCommand([Array("DUMP".utf8), Array(key.utf8)]))
            guard case .bulk(let value) = try from.reply() else { throw ChildFailure("\(key) has no value") }
            try to.send(respCommand(["RESTORE", "copy:\(key)", "100000"].map { Array($0.utf8) } + [value]))
            #expect(try to.reply() == .ok)
        }
        let names = CommandTable()
        for command in SpreadReads.commands where !Self.random.contains(command) {
            for (key, more) in Self.keys.flatMap({ key in (Self.arguments[command] ?? [""]).map { (key, $0) } }) {
                let words = more.split(separator: " ").map { Array($0.utf8) }
                try from.send(respCommand([Array(names.name(of: command).utf8), Array(key.utf8)] + words))
                try to.send(respCommand([Array(names.name(of: command).utf8), Array("copy:\(key)".utf8)] + words))
                let (expected, reply) = (try from.reply(), try to.reply())
                #expect(reply == expected, "\(names.name(of: command)) \(key) \(more)")
            }
        }
    }
}
