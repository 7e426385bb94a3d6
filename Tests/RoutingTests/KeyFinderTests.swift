import Routing
import TestKit
import Testing
import Wire

private struct Expectation: Sendable, CustomTestStringConvertible {
    let line: String
    let search: KeySearch
    let indexes: [Int]
    var testDescription: String { line }

    init(_ line: String, _ search: KeySearch, _ indexes: [Int] = []) {
        self.line = line
        self.search = search
        self.indexes = indexes
    }
}

struct KeyFinderTests {
    let table = CommandTable()

    private func row(of view: RequestView) -> UnsafePointer<CommandRow>? {
        guard let row = table.view.row(name: view[0].start, count: view[0].count) else { return nil }
        guard row.pointee.flags.contains(.container), view.argumentCount > 1 else { return row }
        return table.view.subcommand(of: row, name: view[1].start, count: view[1].count)
    }

    private func search(_ request: RequestBytes) -> (search: KeySearch, indexes: [Int]) {
        var keys = KeyList()
        let result = withExtendedLifetime(request) {
            KeyFinder().find(row(of: request.view)!, in: request.view, into: &keys)
        }
        return (result, (0..<keys.count).map { keys[$0] })
    }

    @Test(arguments: [
        // One key, and ranges.
        Expectation("GET k", .found, [1]),
        Expectation("get", .wrongArity),
        Expectation("GET k x", .wrongArity),
        Expectation("OBJECT ENCODING k", .found, [2]),
        Expectation("XGROUP CREATE k g $", .found, [2]),
        Expectation("DEL a b c", .found, [1, 2, 3]),
        Expectation("MSET a 1 b 2", .found, [1, 3]),
        Expectation("MSET a 1 b", .wrongArity),
        Expectation("MSETNX a 1 b 2", .found, [1, 3]),
        Expectation("BLPOP a b 0", .found, [1, 2]),
        Expectation("LCS a b IDX", .found, [1, 2]),
        Expectation("LCS a", .wrongArity),
        Expectation("PING", .noKeys),
        Expectation("SUNSUBSCRIBE", .noKeys),
        Expectation("SSUBSCRIBE a b", .found, [1, 2]),
        Expectation("CLUSTERSCAN 0", .noKeys),
        // Several places.
        Expectation("SDIFFSTORE d a b", .found, [1, 2, 3]),
        Expectation("PFMERGE d", .found, [1]),
        Expectation("PFMERGE d a b", .found, [1, 2, 3]),
        Expectation("BITOP AND d a b", .found, [2, 3, 4]),
        Expectation("LMOVE a b LEFT RIGHT", .found, [1, 2]),
        Expectation("RENAME a b", .found, [1, 2]),
        Expectation("COPY a b REPLACE", .found, [1, 2]),
        Expectation("ZRANGESTORE d s 0 1", .found, [1, 2]),
        Expectation("ZUNIONSTORE d 2 a b WEIGHTS 1 2", .found, [1, 3, 4]),
        Expectation("ZUNIONSTORE d 0 a", .badNumkeys(.noInputKey), [1]),
        Expectation("ZUNIONSTORE d 5 a", .syntax, [1]),
        // Numbers of keys.
        Expectation("EVAL s 2 a b c", .found, [3, 4]),
        Expectation("EVAL s 0", .noKeys),
        Expectation("EVAL s 0 arg", .noKeys),
        Expectation("EVAL s -1 a", .badNumkeys(.negative)),
        Expectation("EVAL s 2 a", .badNumkeys(.tooMany)),
        Expectation("EVAL s x a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s 99999999999999999999 a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s 9223372036854775807 a", .badNumkeys(.tooMany)),
        Expectation("EVAL s 9223372036854775808 a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s -9223372036854775808 a", .badNumkeys(.negative)),
        Expectation("EVAL s -9223372036854775809 a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s +1 a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s 01 a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s -0 a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s - a", .badNumkeys(.notAnInteger)),
        Expectation("EVAL s \"\" a", .badNumkeys(.notAnInteger)),
        Expectation("EVALSHA_RO s 1 a", .found, [3]),
        Expectation("FCALL f 1 a", .found, [3]),
        Expectation("FCALL f x a", .badNumkeys(.badFunctionCount)),
        Expectation("LMPOP 2 a b LEFT", .found, [2, 3]),
        Expectation("LMPOP 0 a LEFT", .badNumkeys(.notPositive)),
        Expectation("LMPOP x a LEFT", .badNumkeys(.notPositive)),
        Expectation("LMPOP 2 a LEFT", .syntax),
        Expectation("BZMPOP 1 2 a b MIN", .found, [3, 4]),
        Expectation("SINTERCARD 2 a b LIMIT 1", .found, [2, 3]),
        Expectation("SINTERCARD 4 a", .badNumkeys(.tooMany)),
        Expectation("ZINTERCARD x a", .badNumkeys(.notAnInteger)),
        Expectation("ZDIFF 9223372036854775807 a", .syntax),
        Expectation("MSETEX 2 a 1 b 2 EX 10", .found, [2, 4]),
        Expectation("MSETEX 2 a 1 b", .wrongArity),
        Expectation("MSETEX 0 a 1", .badNumkeys(.badPairCount)),
        // Words.
        Expectation("XREAD COUNT 1 BLOCK 0 STREAMS a b 0 0", .found, [6, 7]),
        Expectation("xread streams streams 0", .found, [2]),
        Expectation("XREAD STREAMS a b 0", .unbalancedStreams),
        Expectation("XREAD GROUP g c STREAMS a 0", .syntax),
        Expectation("XREAD NOACK STREAMS a 0", .syntax),
        Expectation("XREAD a b c", .syntax),
        Expectation("XREADGROUP GROUP streams c STREAMS a >", .found, [5]),
        Expectation("XREADGROUP COUNT 1 GROUP streams c NOACK STREAMS a >", .found, [8]),
        Expectation("XREADGROUP STREAMS a b NOACK GROUP c >", .syntax),
        Expectation("XREADGROUP COUNT 1 STREAMS a b >", .unbalancedStreams),
        Expectation("XREADGROUP GROUP g c NOACK x y z", .syntax),
        Expectation("GEORADIUS k 1 1 1 m", .found, [1]),
        Expectation("GEORADIUS k 1 1 1 m COUNT 3 STORE d", .found, [1, 9]),
        Expectation("GEORADIUS k 1 1 1 m STORE d STOREDIST e", .found, [1, 7, 9]),
        Expectation("GEORADIUS k 1 1 1 m STORE", .syntax, [1]),
        Expectation("GEORADIUSBYMEMBER k store 1 m STOREDIST d", .found, [1, 6]),
        Expectation("MIGRATE h p k 0 1", .found, [3]),
        Expectation("MIGRATE h p \"\" 0 1 COPY AUTH KEYS KEYS a b", .found, [10, 11]),
        Expectation("MIGRATE h p \"\" 0 1 AUTH2 u KEYS KEYS a", .found, [10]),
        Expectation("MIGRATE h p k 0 1 KEYS a", .syntax),
        Expectation("MIGRATE h p \"\" 0 1 KEYS", .noKeys),
        // SORT.
        Expectation("SORT k", .found, [1]),
        Expectation("SORT k LIMIT 0 1 DESC ALPHA STORE d", .found, [1, 8]),
        Expectation("SORT k STORE c STORE d", .found, [1, 5]),
        Expectation("SORT k BY nosort GET #", .found, [1]),
        Expectation("SORT k BY w_* STORE d", .unknowable, [1, 5]),
        Expectation("SORT k GET # GET o_*->f", .unknowable, [1]),
        Expectation("SORT k BY", .syntax, [1]),
        Expectation("SORT k LIMIT 0", .syntax, [1]),
        Expectation("SORT k foo", .syntax, [1]),
        Expectation("SORT_RO k ASC", .found, [1]),
        Expectation("SORT_RO k STORE d", .syntax, [1]),
    ])
    private func everyKindOfSpecificationIsFollowed(expectation: Expectation) {
        let result = search(RequestBytes(expectation.line))
        #expect(result.search == expectation.search)
        if result.search == .found || result.search == .unknowable { #expect(result.indexes == expectation.indexes) }
    }

    @Test func bytesOfKeysDoNotMatter() {
        let request = RequestBytes([Array("MGET".utf8), [], [0], [13, 10], Array("STREAMS".utf8), [0xff]])
        #expect(search(request).indexes == [1, 2, 3, 4, 5])
    }

    @Test func aListIsEmptiedBeforeEverySearch() {
        var keys = KeyList()
        for line in ["DEL a b c", "GET a", "PING", "GET"] {
            let request = RequestBytes(line)
            _ = withExtendedLifetime(request) {
                KeyFinder().find(row(of: request.view)!, in: request.view, into: &keys)
            }
            let count = keys.count
            #expect(count == (line == "DEL a b c" ? 3 : line == "GET a" ? 1 : 0))
        }
    }

    @Test func manyKeysAreFound() {
        let request = RequestBytes("DEL " + (1...20000).map { "k\($0)" }.joined(separator: " "))
        #expect(search(request).indexes == Array(1...20000))
    }

    /// Goal: no request of any command can trap the finder or make it name an argument that is none.
    /// Method: for all commands, valid-looking requests and random soup of every short length.
    @Test func noRequestOfAnyCommandTraps() {
        let seed = UInt64.random(in: 0 ... .max)
        print("noRequestOfAnyCommandTraps: seed \(seed)")
        var random = SeededRandom(seed: seed)
        let soup = [
            "", "0", "1", "2", "3", "-1", "9223372036854775807", "-9223372036854775808", "x", "STREAMS", "STORE",
            "STOREDIST", "KEYS", "GROUP", "BLOCK", "COUNT", "BY", "GET", "LIMIT", "*", "w_*", "#", "AUTH", "AUTH2",
            "LEFT", "WEIGHTS", "NX", "EX", "NOACK", "key", "\r\n", "4611686018427387904",
        ].map { Array($0.utf8) }
        var keys = KeyList()
        var isSound = true
        for row in table.rows {
            let id = row.id
            let name = table.name(of: id).split(separator: " ").map { Array($0.utf8) }
            for round in 0..<300 {
                let length = round < 40 ? round % 13 : Int.random(in: 0...12, using: &random)
                var arguments = name
                while arguments.count < name.count + length {
                    arguments.append(round < 20 ? Array("2".utf8) : soup.randomElement(using: &random)!)
                }
                let request = RequestBytes(arguments)
                let result = withExtendedLifetime(request) {
                    KeyFinder().find(table.view[id], in: request.view, into: &keys)
                }
                for index in 0..<keys.count where keys[index] < 1 || keys[index] >= arguments.count { isSound = false }
                if result == .found && keys.count == 0 { isSound = false }
                if result == .noKeys && keys.count != 0 { isSound = false }
                if result == .wrongArity, row.keyFinding == .none, row.accepts(argumentCount: arguments.count) {
                    isSound = false
                }
            }
        }
        #expect(isSound, "seed \(seed)")
    }
}

struct KeySearchTests {
    @Test func errorsHaveTheWordsOfValkey() {
        func text(_ search: KeySearch, _ name: String) -> String? { search.errorText(wireName: name) }
        #expect(text(.found, "get") == nil)
        #expect(text(.noKeys, "get") == nil)
        #expect(text(.unknowable, "sort") == nil)
        #expect(text(.syntax, "sort") == "ERR syntax error")
        #expect(text(.wrongArity, "config|get") == "ERR wrong number of arguments for 'config|get' command")
        #expect(text(.badNumkeys(.negative), "eval") == "ERR Number of keys can't be negative")
        #expect(text(.badNumkeys(.tooMany), "eval") == "ERR Number of keys can't be greater than number of args")
        #expect(text(.badNumkeys(.notAnInteger), "eval") == "ERR value is not an integer or out of range")
        #expect(text(.badNumkeys(.notPositive), "lmpop") == "ERR numkeys should be greater than 0")
        #expect(
            text(.badNumkeys(.noInputKey), "zunion") == "ERR at least 1 input key is needed for 'zunion' command")
        #expect(
            text(.unbalancedStreams, "xread")
                == "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.")
        #expect(
            text(.unbalancedStreams, "xreadgroup")
                == "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.")
    }
}
