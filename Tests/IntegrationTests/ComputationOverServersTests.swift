import Routing
import TestKit
import Testing
import Wire

/// Goal: what Keyway computes over several shards is what one server would have answered.
/// Method: one real server holds all keys; the computation's own reads are sent to it, computed, and compared byte for
/// byte with the server's answer to the command itself, in both protocols. Sets are compared without their order.
@Suite(.serialized) struct ComputationOverServersTests {
    private static let budget = ComputeBudget(fetchedSizeBytesMax: 1 << 30, cellCountMax: 1 << 28)

    private static func words(_ line: String) -> [[UInt8]] { line.split(separator: " ").map { Array($0.utf8) } }

    /// A reply in a form that is equal for replies that mean the same.
    private static func comparable(_ reply: [UInt8], isSet: Bool) -> [UInt8] {
        guard isSet, let value = ReplyValue(parsing: reply), let elements = value.elements else { return reply }
        let sorted = elements.map { $0.encode(version: .three) }.sorted { $0.lexicographicallyPrecedes($1) }
        return Array(reply.prefix(1)) + sorted.flatMap { $0 }
    }

    /// - Returns: nil when Keyway and the server agree.
    private static func difference(_ line: [[UInt8]], _ connection: RawConnection) throws -> String? {
        let name = String(decoding: line[0], as: UTF8.self).lowercased()
        let command = try #require(ComputedCommand(rawValue: name))
        let mine: [UInt8]
        let theirs: [UInt8]
        do {
            let computation = try Computation(command, arguments: line)
            let replies = try connection.replies(computation.fetches.map(\.arguments) + [line])
            let fetched = try replies.dropLast().map { try #require(ReplyValue(parsing: $0)) }
            guard
                case .reply(let bytes) = computation.finish(fetched, version: connection.version, budget: budget)
            else { return "bad part: \(text(line))" }
            mine = bytes
            theirs = replies.last!
        } catch let refusal as ComputeRefusal {
            mine = Array("-\(refusal.errorText)\r\n".utf8)
            theirs = try connection.reply(line)
        }
        let isSet = ["sdiff", "sinter", "sunion"].contains(name)
        if comparable(mine, isSet: isSet) == comparable(theirs, isSet: isSet) { return nil }
        return "\(text(line)) in RESP\(connection.version.rawValue)\n"
            + "  Keyway \(text([mine]))\n  server \(text([theirs]))"
    }

    private static func text(_ line: [[UInt8]]) -> String {
        line.map { String(decoding: $0, as: UTF8.self).debugDescription }.joined(separator: " ")
    }

    private func check(
        _ commands: [[[UInt8]]], on connections: [RawConnection], _ location: SourceLocation = #_sourceLocation
    ) throws {
        for connection in connections {
            for command in commands {
                let difference = try Self.difference(command, connection)
                #expect(difference == nil, "\(difference ?? "")", sourceLocation: location)
            }
        }
    }

    private func connections(_ server: Server) throws -> [RawConnection] {
        let process = try ServerProcess(server, unixSocket: true)
        return [try RawConnection(process, .two), try RawConnection(process, .three)]
    }

    // MARK: Sets and sorted sets

    private static let scores = [
        "0", "-0", "1", "-1", "2", "3", "0.1", "0.2", "0.3", "1e21", "-1e-7", "inf", "-inf", "1e300", "251.754486",
        "1.5", "123456789.123456", "9007199254740993",
    ]
    private static let weights = [
        "1", "-1", "0", "2.5", "inf", "-inf", "1e308", "0.1", "-0", "+3", ".5", "1e400", "x", "nan", "",
    ]

    private static func score(_ random: inout SeededRandom) -> String {
        if random.below(3) > 0 { return random.oneOf(scores) }
        let value = Double(bitPattern: random.next())
        return value.isNaN ? "7" : "\(value)"
    }

    private static func member(_ random: inout SeededRandom, from pool: Int) -> [UInt8] {
        switch pool {
        case 0: Array(String(random.below(30)).utf8)
        case 1: Array("m\(random.below(40))".utf8)
        case 2: random.bytes(countMax: 3)
        default: Array("long member to leave the listpack \(random.below(400))".utf8)
        }
    }

    /// A command that makes `key`; keys 0 and 1 stay away.
    private static func creation(of key: Int, _ random: inout SeededRandom) -> [[UInt8]]? {
        let name = Array("k\(key)".utf8)
        guard key > 1 else { return nil }
        let pool = random.below(4)
        let count = random.oneOf([1, 3, 10, 40, 300])
        switch random.below(9) {
        case 0: return words("SET k\(key) text")
        case 1: return words("HSET k\(key) f v")
        case 2...5:
            return words("SADD") + [name] + (0..<count).map { _ in member(&random, from: pool) }
        default:
            let entries = (0..<count).flatMap { _ in
                [Array(score(&random).utf8), member(&random, from: pool)]
            }
            return words("ZADD") + [name] + entries
        }
    }

    private static func operands(_ random: inout SeededRandom) -> [[UInt8]] {
        (0..<random.oneOf([1, 2, 2, 3, 3, 4, 6])).map { _ in Array("k\(random.below(14))".utf8) }
    }

    private static func count(_ keys: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
        if random.below(20) == 0 { return Array(random.oneOf(["0", "-1", "x", "99", "1", "01", ""]).utf8) }
        return Array(String(keys.count).utf8)
    }

    private static func options(_ keys: Int, _ random: inout SeededRandom) -> [[UInt8]] {
        var options: [[UInt8]] = []
        while random.below(3) > 0 {
            switch random.below(7) {
            case 0, 1: options += words(random.oneOf(["WITHSCORES", "withscores"]))
            case 2, 3:
                let isGood = random.below(4) > 0
                options += words("Weights")
                options += (0..<keys).map { _ in
                    Array((isGood ? random.oneOf(Array(weights.prefix(11))) : random.oneOf(weights)).utf8)
                }
            case 4: options += words("AGGREGATE " + random.oneOf(["SUM", "min", "MAX", "AVG", ""]))
            case 5: options += words("LIMIT " + random.oneOf(["0", "1", "3", "-1", "x", ""]))
            default: if random.below(4) == 0 { options += words("FOO") }
            }
        }
        return options
    }

    private static func command(_ random: inout SeededRandom) -> [[UInt8]] {
        let keys = operands(&random)
        let name = random.oneOf([
            "SDIFF", "SINTER", "SUNION", "SINTERCARD", "ZDIFF", "ZINTER", "ZUNION", "ZINTERCARD", "ZUNION", "ZINTER",
        ])
        if ["SDIFF", "SINTER", "SUNION"].contains(name) { return words(name) + keys }
        return words(name) + [count(keys, &random)] + keys + options(keys.count, &random)
    }

    @Test(arguments: Servers.found)
    func setsAndSortedSetsAreOneServersOwn(server: Server) throws {
        var random = SeededRandom.announced("setsAndSortedSetsAreOneServersOwn(\(server))")
        let connections = try connections(server)
        for _ in 0..<60 {
            _ = try connections[0].reply("FLUSHALL")
            _ = try connections[0].replies((0..<14).compactMap { Self.creation(of: $0, &random) })
            try check((0..<50).map { _ in Self.command(&random) }, on: connections)
        }
    }

    // MARK: LCS

    @Test(arguments: Servers.found)
    func subsequencesAreOneServersOwn(server: Server) throws {
        var random = SeededRandom.announced("subsequencesAreOneServersOwn(\(server))")
        let connections = try connections(server)
        for _ in 0..<40 {
            let letters = 1 + random.below(8)
            let creations: [[[UInt8]]] = (2..<7).map { key in
                if random.below(8) == 0 { return Self.words("SADD k\(key) x") }
                let count = random.oneOf([0, 1, 5, 30, 200])
                let text =
                    random.below(6) == 0
                    ? Array(String(random.below(100_000)).utf8)
                    : (0..<count).map { _ in UInt8(97 + random.below(letters)) }
                return Self.words("SET k\(key)") + [text]
            }
            _ = try connections[0].reply("FLUSHALL")
            _ = try connections[0].replies(creations)
            let commands = (0..<30).map { _ in
                var line = Self.words("LCS k\(random.below(7)) k\(random.below(7))")
                while random.below(3) > 0 {
                    let options = [
                        "LEN", "IDX", "IDX", "WITHMATCHLEN", "MINMATCHLEN 2", "minmatchlen 4", "MINMATCHLEN -3",
                        "MINMATCHLEN x", "MINMATCHLEN", "FOO",
                    ]
                    line += Self.words(random.oneOf(options))
                }
                return line
            }
            try check(commands, on: connections)
        }
    }

    // MARK: PFCOUNT

    @Test(arguments: Servers.found)
    func distinctCountsAreOneServersOwn(server: Server) throws {
        var random = SeededRandom.announced("distinctCountsAreOneServersOwn(\(server))")
        let connections = try connections(server)
        let sizes = [0, 1, 2, 17, 100, 1_000, 2_000, 5_000, 20_000, 200_000, 700, 700]
        for (key, size) in sizes.enumerated() {
            let first = random.below(1_000_000)
            _ = try connections[0].reply("PFADD k\(key)")
            for start in stride(from: 0, to: size, by: 1_000) {
                let elements = (start..<min(start + 1_000, size)).map { Array("e\(first + $0)".utf8) }
                _ = try connections[0].reply(Self.words("PFADD k\(key)") + elements)
            }
        }
        _ = try connections[0].replies(["SADD k12 x", "SET k13 text", "SET k14 12"].map(Self.words))
        let commands = (0..<400).map { round in
            let isMixed = round.isMultiple(of: 5)
            let keys = (0..<(1 + random.below(5))).map { _ in
                Array("k\(random.below(isMixed ? 16 : 12))".utf8)
            }
            return Self.words("PFCOUNT") + keys
        }
        try check(commands, on: connections)
    }

    /// Registers as no PFADD would set them, and bytes changed at random.
    @Test(arguments: Servers.found)
    func oddRegistersCountAsOnOneServer(server: Server) throws {
        var random = SeededRandom.announced("oddRegistersCountAsOnOneServer(\(server))")
        let connections = try connections(server)
        let head = Array("HYLL".utf8) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]
        for round in 0..<200 {
            let rankMax = random.below(64) + 1
            var bits: [UInt8] = []
            for _ in 0..<4096 {
                let registers = (0..<4).map { _ in UInt32(random.below(rankMax)) }
                let group = registers[0] | registers[1] << 6 | registers[2] << 12 | registers[3] << 18
                bits += [0, 8, 16].map { UInt8(truncatingIfNeeded: group >> $0) }
            }
            _ = try connections[0].reply(Self.words("SET dense") + [head + bits])
            _ = try connections[0].reply("DEL sparse")
            _ = try connections[0].reply(
                Self.words("PFADD sparse") + (0..<random.below(50)).map { Array("\(round)-\($0)".utf8) })
            var sparse = try #require(ReplyValue(parsing: try connections[0].reply("GET sparse"))?.bytes)
            // Before 8.1 runs beyond the last register were not looked at everywhere.
            let isStrict = server.product == .valkey && server.major >= 9
            if isStrict, random.below(2) == 0 {
                for _ in 0...random.below(3) { sparse[random.below(sparse.count)] = UInt8(random.below(256)) }
                if random.below(3) == 0 { sparse.removeLast(random.below(sparse.count)) }
            }
            _ = try connections[0].reply(Self.words("SET sparse") + [sparse])
            let operands = ["dense none", "sparse none", "sparse dense", "none dense dense"]
            try check(operands.map { Self.words("PFCOUNT \($0)") }, on: connections)
        }
    }
}
