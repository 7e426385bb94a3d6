import Hashing
import Testing
import Wire

@testable import Routing

@Suite struct ExplanationTests {
    private static let commands = CommandTable()

    /// Three shards; the last byte of a key's hash chooses.
    private static func pool(
        _ distribution: Distribution = .modula, computesAcrossShards: Bool = true
    ) -> ExplainedPool {
        let names = ["a", "b", "c"]
        return ExplainedPool(
            placement: Placement(
                distribution: distribution, hash: .crc16, charSign: .signed, hashTag: .braces,
                servers: names.map { RingServer(name: $0, weight: 1) }),
            shards: names.map { ($0, "\($0).example:6379") }, computesAcrossShards: computesAcrossShards)
    }

    /// A key of shard `index`.
    private static func key(_ index: Int, _ prefix: String = "k") -> String {
        let placement = pool().placement
        return (0...).lazy.map { "\(prefix)\($0)" }.first { placement.place(of: Array($0.utf8))?.serverIndex == index }!
    }

    private func explain(_ words: [String], _ pool: ExplainedPool = pool()) throws -> Explanation {
        let request = RequestBytes(words.map { Array($0.utf8) })
        return try withExtendedLifetime(request) { try Explanation(request.view, Self.commands, pool) }
    }

    private func reply(_ explanation: Explanation) throws -> ReplyValue {
        var reply = ReplyBuilder(version: .three)
        explanation.write(to: &reply)
        return try #require(ReplyValue(parsing: reply.bytes))
    }

    private func handling(_ explanation: Explanation) throws -> String {
        try #require(try reply(explanation).pairs?[2].value.text)
    }

    private static let (a, b, c) = (key(0), key(1), key(2))

    /// Goal: for each class of commands, which shards get what.
    @Test(arguments: [
        (["GET", b], [1], [[b]]), (["MGET", c, a, c], [2, 0], [[c, c], [a]]),
        (["SINTER", a, b], [0, 1], [[a], [b]]), (["SINTERSTORE", a, b], [], []), (["RENAME", a, a], [0], [[a, a]]),
        (["EVAL", "x", "0"], [0], [[]]), (["EVAL", "x", "1", c], [2], [[c]]), (["BLPOP", b, "0"], [1], [[b]]),
        (["BLPOP", a, b, "0"], [], []), (["DBSIZE"], [0, 1, 2], [[], [], []]),
        (["SCAN", "0"], [0, 1, 2], [[], [], []]), (["PUBLISH", b, "m"], [1], [[]]),
        (["SUBSCRIBE", b], [0, 1, 2], [[], [], []]), (["PING"], [], []), (["SHUTDOWN"], [], []),
    ])
    func eachShardGetsItsPart(words: [String], shards: [Int], keys: [[String]]) throws {
        let explanation = try explain(words)
        #expect(explanation.fragments.map(\.shardIndex) == shards)
        #expect(explanation.fragments.map { $0.keys.map { String(decoding: $0, as: UTF8.self) } } == keys)
        let isRefused = try handling(explanation).hasPrefix("refused")
        #expect(isRefused == (shards.isEmpty && words != ["PING"]), "\(words)")
    }

    @Test func whatMayNotBeComputedMustBeOnOneShard() throws {
        let pool = Self.pool(computesAcrossShards: false)
        #expect(try handling(explain(["SINTER", Self.a, Self.b], pool)).hasPrefix("refused: its keys"))
        #expect(try explain(["SINTER", Self.a, Self.a], pool).fragments.map(\.shardIndex) == [0])
    }

    @Test func keysThatPatternsNameAreSaidToBeUnknown() throws {
        let explanation = try explain(["SORT", Self.a, "BY", "w_*"])
        #expect(try handling(explanation).contains("patterns (BY, GET)"))
        #expect(explanation.fragments.map(\.shardIndex) == [0])
    }

    @Test func theReplyHasItsFieldsInOrder() throws {
        var explanation = try explain(["GET", "{7}:cart"])
        func names(_ value: ReplyValue?) -> [String] { value?.pairs?.compactMap(\.key.text) ?? [] }
        var reply = try self.reply(explanation)
        #expect(names(reply) == ["command", "class", "handling", "atomic", "keys", "fragments"])
        #expect(
            names(reply.pairs?[4].value.elements?[0]) == ["key", "hashed", "hash", "point", "shard", "address"])
        #expect(names(reply.pairs?[5].value.elements?[0]) == ["shard", "address", "keys"])
        #expect(reply.pairs?[4].value.elements?[0].pairs?[1].value.text == "7")
        explanation.keys[0].copies = "cached"
        explanation.fragments[0].breaker = "open"
        reply = try self.reply(explanation)
        #expect(names(reply.pairs?[4].value.elements?[0]).last == "copies")
        #expect(names(reply.pairs?[5].value.elements?[0]).last == "breaker")
    }

    @Test func whereShardsAreDrawnNoneIsNamed() throws {
        let explanation = try explain(["GET", "k"], Self.pool(.random))
        let key = try reply(explanation).pairs?[4].value.elements?[0].pairs
        #expect(key?[2].value.isNull == true && key?[4].value.text == "any" && explanation.fragments.isEmpty)
    }

    @Test(arguments: [
        (["NOSUCH", "k"], "ERR unknown command 'NOSUCH'"),
        (["GET"], "ERR wrong number of arguments for 'get' command"),
        (["EVAL", "x", "y"], "ERR value is not an integer or out of range"),
    ])
    func whatTheRequestItselfWouldBeRefusedFor(words: [String], error: String) throws {
        #expect(throws: ExplanationError(text: error)) { try explain(words) }
    }
}
