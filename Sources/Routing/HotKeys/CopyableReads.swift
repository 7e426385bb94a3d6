// CopyableReads: the commands whose replies may be copied: they read one key, say the same each time while the key does
// not change, and have replies of one shape in both protocols (see Wire/RESP2Form).
// Not here: commands with a random or changing reply (SRANDMEMBER, TTL, OBJECT), with several keys, or with scores
// inside arrays, which RESP3 nests and RESP2 does not.

package import Wire

package struct CopyableReads: Sendable {
    package enum Kind: UInt8, Sendable {
        case no, yes
        /// A field may end before its key does, and nobody is told at once: such a copy must not live long.
        case fields
        /// Only without WITHSCORES or WITHSCORE.
        case withoutScores
    }

    /// By command.
    private let kinds: [Kind]

    package init() {
        var kinds = Array(repeating: Kind.no, count: CommandID.allCases.count)
        for (kind, commands) in Self.commands {
            for command in commands { kinds[Int(command.rawValue)] = kind }
        }
        self.kinds = kinds
    }

    /// All that are more than `no`, with what they are.
    package static let commands: [(Kind, [CommandID])] = [
        (
            .yes,
            [
                .get, .getrange, .substr, .strlen, .type, .getbit, .bitcount, .lrange, .lindex, .llen, .smembers,
                .sismember, .smismember, .scard, .zscore, .zmscore, .zcard, .zcount, .zlexcount, .zrangebylex,
                .zrevrangebylex,
            ]
        ),
        (.fields, [.hget, .hmget, .hgetall, .hlen, .hexists, .hstrlen, .hkeys, .hvals]),
        (.withoutScores, [.zrange, .zrevrange, .zrangebyscore, .zrevrangebyscore, .zrank, .zrevrank]),
    ]

    package func kind(of row: UnsafePointer<CommandRow>, _ request: RequestView) -> Kind {
        let kind = kinds[Int(row.pointee.id.rawValue)]
        guard kind == .withoutScores else { return kind }
        for index in 2..<max(2, request.argumentCount) where Self.asksForScores(request[index]) { return .no }
        return .yes
    }

    private static func asksForScores(_ argument: ByteView) -> Bool {
        let word: StaticString = "WITHSCORES"
        guard argument.count == word.utf8CodeUnitCount || argument.count == word.utf8CodeUnitCount - 1 else {
            return false
        }
        // Setting the sixth bit makes letters small.
        return (0..<argument.count).allSatisfy { argument[$0] | 32 == word.utf8Start[$0] | 32 }
    }
}
