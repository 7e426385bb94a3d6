import Testing
import Wire

@testable import Routing

private func words(_ line: String) -> [[UInt8]] { line.split(separator: " ").map { Array($0.utf8) } }

private func integers(_ values: Int...) -> ReplyValue { .array(values.map { .integer($0) }) }

/// Alternating keys and values; a map in RESP3.
private func map(_ pairs: KeyValuePairs<String, ReplyValue>) -> ReplyValue {
    .map(pairs.map { ReplyPair(.text($0.key), $0.value) })
}

private func flat(_ value: ReplyValue) -> ReplyValue {
    ReplyValue(parsing: value.encode(version: .two))!
}

struct ShardMergeTests {
    private let shards = ["one", "two", "three"]

    private func merge(_ id: CommandID, _ line: String, _ replies: [ReplyValue]) -> ReplyValue {
        let arguments = words(line)
        let wireName = arguments.prefix(2).map { String(decoding: $0, as: UTF8.self).lowercased() }
            .joined(separator: "|")
        let parts = zip(shards, replies).map { ShardReply(shard: $0, reply: $1) }
        return ShardMerge(id, wireName: wireName, arguments: arguments)!.merge(parts)
    }

    // MARK: What all have in common

    @Test func oneShardAnswersAsItIs() {
        let reply = ReplyValue.array([.text("whatever")])
        #expect(merge(.slowlogGet, "SLOWLOG GET", [reply]) == reply)
    }

    @Test func commandsThatAreMergedElsewhereAreNotMergedHere() {
        #expect(ShardMerge(.get, wireName: "get", arguments: []) == nil)
        #expect(ShardMerge(.dbsize, wireName: "dbsize", arguments: []) == nil)
    }

    @Test func anErrorOfSomeIsTheErrorOfTheWhole() {
        let bad = ReplyValue.failure("ERR no")
        #expect(merge(.configSet, "CONFIG SET a b", [bad, bad]) == bad, "the same from all is one server's")
        #expect(
            merge(.configSet, "CONFIG SET a b", [.ok, .failure("OOM x"), bad])
                == .failure("OOM 'config|set' failed on 2 of 3 shards, first on two: OOM x"))
        #expect(merge(.configSet, "CONFIG SET a b", [.ok, .ok]) == .ok)
    }

    @Test(arguments: [
        (CommandID.slowlogGet, ReplyValue.integer(1)), (.slowlogGet, .array([.array([.integer(1)])])),
        (.slowlogLen, .text("x")), (.latencyLatest, .array([.integer(1)])), (.latencyHistory, .ok),
        (.latencyHistory, .array([.array([.integer(1)])])), (.latencyHistogram, .array([.integer(1)])),
        (.latencyHistogram, .array([.text("get"), .integer(1)])), (.memoryStats, .integer(1)),
        (.memoryStats, .array([.text("a"), .text("b")])), (.memoryDoctor, .integer(1)), (.functionStats, .ok),
        (.functionList, .ok), (.functionDump, .ok), (.clusterSlotStats, .ok),
    ])
    func anotherShapeNamesTheShard(id: CommandID, reply: ReplyValue) {
        let text = merge(id, "A B", [reply, reply]).errorText ?? ""
        #expect(text.hasPrefix("ERR shard one answered 'a|b' with something of another shape"))
    }

    @Test func numbersAreAdded() {
        #expect(merge(.slowlogLen, "SLOWLOG LEN", [.integer(1), .integer(2), .integer(3)]) == .integer(6))
        #expect(merge(.latencyReset, "LATENCY RESET", [.integer(0), .integer(2)]) == .integer(2))
        #expect(
            merge(.slowlogLen, "SLOWLOG LEN", [.integer(.max), .integer(1)]).errorText?.hasPrefix("ERR shard two")
                == true)
    }

    @Test func aScriptIsShownByWhoeverKnowsIt() {
        let unknown = ReplyValue.failure("NOSCRIPT No matching script.")
        #expect(merge(.scriptShow, "SCRIPT SHOW x", [unknown, .text("return 1")]) == .text("return 1"))
        #expect(merge(.scriptShow, "SCRIPT SHOW x", [unknown, unknown]) == unknown)
    }

    // MARK: Logs

    private func entry(_ id: Int, _ time: Int, name: String = "") -> ReplyValue {
        .array([
            .integer(id), .integer(time), .integer(5), .array([.text("GET"), .text("k")]), .text("127.0.0.1:1"),
            .text(name),
        ])
    }

    private func named(_ id: Int, _ time: Int, _ name: String) -> ReplyValue { entry(id, time, name: name) }

    @Test func logsAreOneListTheNewestFirst() {
        let one = ReplyValue.array([entry(8, 105), entry(7, 100)])
        let two = ReplyValue.array([entry(3, 105, name: "kw"), entry(2, 104), entry(1, 90)])
        #expect(
            merge(.slowlogGet, "SLOWLOG GET 4", [one, two])
                == .array([
                    named(16, 105, "shard=one"), named(7, 105, "shard=two client=kw"), named(5, 104, "shard=two"),
                    named(14, 100, "shard=one"),
                ]))
        #expect(merge(.slowlogGet, "SLOWLOG GET -1", [one, two]).elements?.count == 5)
        #expect(merge(.slowlogGet, "SLOWLOG GET 0", [.array([]), .array([])]) == .array([]))
        #expect(merge(.commandlogGet, "COMMANDLOG GET 1 slow", [one, two]) == .array([named(16, 105, "shard=one")]))
        let many = ReplyValue.array((0..<10).map { entry($0, 100 - $0) })
        #expect(merge(.slowlogGet, "SLOWLOG GET", [many, many]).elements?.count == 10)
    }

    @Test func entriesOfOldServersGetANameToo() {
        let old = ReplyValue.array([.array([.integer(1), .integer(2), .integer(3), .array([.text("GET")])])])
        let merged = merge(.slowlogGet, "SLOWLOG GET", [.array([]), old]).elements?.first?.elements
        #expect(merged?.count == 6 && merged?[5] == .text("shard=two") && merged?[0] == .integer(3))
    }

    // MARK: LATENCY

    @Test func latestIsByEvent() {
        let one = ReplyValue.array([
            .array([.text("command"), .integer(100), .integer(7), .integer(9), .integer(16), .integer(2)]),
            .array([.text("fork"), .integer(50), .integer(1), .integer(1), .integer(1), .integer(1)]),
        ])
        let two = ReplyValue.array([
            .array([.text("command"), .integer(101), .integer(3), .integer(5), .integer(8), .integer(2)])
        ])
        #expect(
            merge(.latencyLatest, "LATENCY LATEST", [one, two])
                == .array([
                    .array([.text("command"), .integer(101), .integer(3), .integer(9), .integer(24), .integer(4)]),
                    .array([.text("fork"), .integer(50), .integer(1), .integer(1), .integer(1), .integer(1)]),
                ]))
        let old = ReplyValue.array([.array([.text("command"), .integer(101), .integer(4), .integer(30)])])
        #expect(
            merge(.latencyLatest, "LATENCY LATEST", [two, old])
                == .array([.array([.text("command"), .integer(101), .integer(4), .integer(30)])]))
    }

    @Test func historiesAreOneInTheOrderOfTime() {
        let one = ReplyValue.array([integers(10, 5), integers(30, 7)])
        let two = ReplyValue.array([integers(20, 1), integers(30, 6)])
        #expect(
            merge(.latencyHistory, "LATENCY HISTORY command", [one, two])
                == .array([integers(10, 5), integers(20, 1), integers(30, 7)]))
        #expect(merge(.latencyHistory, "LATENCY HISTORY x", [.array([]), .array([])]) == .array([]))
    }

    @Test func histogramsAddUp() {
        func command(_ calls: Int, _ buckets: [(Int, Int)]) -> ReplyValue {
            map([
                "calls": .integer(calls),
                "histogram_usec": .map(buckets.map { ReplyPair(.integer($0.0), .integer($0.1)) }),
            ])
        }
        let one = map(["get": command(5, [(1, 2), (4, 5)]), "set": command(1, [(8, 1)])])
        let two = map(["get": command(4, [(2, 1), (4, 3), (16, 4)])])
        let whole = map([
            "get": command(9, [(1, 2), (2, 3), (4, 8), (16, 9)]), "set": command(1, [(8, 1)]),
        ])
        #expect(merge(.latencyHistogram, "LATENCY HISTOGRAM", [one, two]) == whole)
        #expect(flat(merge(.latencyHistogram, "LATENCY HISTOGRAM", [flat(one), flat(two)])) == flat(whole))
    }

    @Test func textsStandBelowTheirShardsNames() {
        let format = Array("txt".utf8)
        let one = ReplyValue.verbatim(format: format, text: Array("fine\n".utf8))
        let text = "# shard one\nfine\n\n# shard two\nsick\n"
        #expect(
            merge(.latencyDoctor, "LATENCY DOCTOR", [one, .text("sick")])
                == .verbatim(format: format, text: Array(text.utf8)))
        #expect(merge(.memoryDoctor, "MEMORY DOCTOR", [.text("fine\n"), .text("sick")]) == .text(text))
    }

    @Test func graphsOfShardsWithoutSamplesAreLeftOut() {
        let none = ReplyValue.failure("ERR No samples available for event 'x'")
        #expect(merge(.latencyGraph, "LATENCY GRAPH x", [none, none]) == none)
        #expect(merge(.latencyGraph, "LATENCY GRAPH x", [none, .text("graph")]) == .text("# shard two\ngraph\n"))
        #expect(
            merge(.latencyGraph, "LATENCY GRAPH x", [none, .failure("NOPERM x"), .text("g")]).errorText
                == "NOPERM 'latency|graph' failed on 1 of 2 shards, first on two: NOPERM x")
    }

    // MARK: MEMORY STATS

    @Test func memoryIsAddedAndRatiosAreComputedAnew() {
        let one = map([
            "peak.allocated": .integer(200), "total.allocated": .integer(150), "startup.allocated": .integer(50),
            "db.0": map(["overhead.hashtable.main": .integer(8)]), "keys.count": .integer(2),
            "keys.bytes-per-key": .integer(40), "dataset.bytes": .integer(80), "dataset.percentage": .double(80),
            "peak.percentage": .double(75), "fragmentation": .double(2), "odd.ratio": .double(3),
        ])
        let two = map([
            "peak.allocated": .integer(200), "total.allocated": .integer(50), "startup.allocated": .integer(50),
            "db.0": map(["overhead.hashtable.main": .integer(1)]),
            "db.9": map(["overhead.hashtable.main": .integer(3)]),
            "keys.count": .integer(0), "keys.bytes-per-key": .integer(0), "dataset.bytes": .integer(0),
            "dataset.percentage": .double(0), "peak.percentage": .double(25), "fragmentation": .double(6),
            "odd.ratio": .double(4),
        ])
        let whole = map([
            "peak.allocated": .integer(400), "total.allocated": .integer(200), "startup.allocated": .integer(100),
            "db.0": map(["overhead.hashtable.main": .integer(9)]), "keys.count": .integer(2),
            "keys.bytes-per-key": .integer(40), "dataset.bytes": .integer(80), "dataset.percentage": .double(80),
            "peak.percentage": .double(50), "fragmentation": .double(3), "odd.ratio": .double(4),
            "db.9": map(["overhead.hashtable.main": .integer(3)]), "shards": map(["one": one, "two": two]),
        ])
        #expect(merge(.memoryStats, "MEMORY STATS", [one, two]) == whole)
        #expect(flat(merge(.memoryStats, "MEMORY STATS", [flat(one), flat(two)])) == flat(whole))
    }

    // MARK: Functions

    private func library(_ name: String, _ functions: [ReplyValue]) -> ReplyValue {
        map(["library_name": .text(name), "engine": .text("LUA"), "functions": .array(functions)])
    }

    private func function(_ name: String, flags: [String] = [], description: ReplyValue = .null) -> ReplyValue {
        map([
            "name": .text(name), "description": description,
            "flags": .set(flags.map { .simple(Array($0.utf8)) }),
        ])
    }

    @Test func listsThatMeanTheSameAreOne() {
        let one = ReplyValue.array([
            library("a", [function("f", flags: ["no-writes", "allow-oom"]), function("g")]), library("b", []),
        ])
        let two = ReplyValue.array([
            library("b", []), library("a", [function("g"), function("f", flags: ["allow-oom", "no-writes"])]),
        ])
        #expect(merge(.functionList, "FUNCTION LIST", [one, two]) == one)
        #expect(merge(.functionList, "FUNCTION LIST", [flat(one), flat(two)]) == flat(one))
    }

    @Test func listsThatDifferNameTheShards() {
        let one = ReplyValue.array([library("a", [function("f")])])
        let two = ReplyValue.array([library("a", [function("f", description: .text("x"))])])
        let error = merge(.functionList, "FUNCTION LIST", [one, two, one]).errorText
        #expect(
            error?.hasPrefix(
                "ERR 'function|list': the functions of shard two differ from those of shard one, three.") == true)
        #expect(error?.hasSuffix("KEYWAY ON two ...") == true)
        #expect(merge(.functionList, "FUNCTION LIST", [flat(one), flat(two)]).errorText != nil)
        #expect(merge(.functionList, "FUNCTION LIST", [.array([]), one]).errorText != nil)
    }

    @Test func dumpsAreComparedRecordByRecord() {
        let a: [UInt8] = [245, 3, 97, 98, 99]
        let b: [UInt8] = [245, 0xC3, 2, 5, 1, 2]
        func dump(_ records: [[UInt8]], checksum: UInt8) -> ReplyValue {
            .bulk(records.flatMap { $0 } + [80, 0] + [UInt8](repeating: checksum, count: 8))
        }
        let one = dump([a, b], checksum: 1)
        #expect(merge(.functionDump, "FUNCTION DUMP", [one, dump([b, a], checksum: 2)]) == one)
        #expect(merge(.functionDump, "FUNCTION DUMP", [one, dump([a], checksum: 2)]).errorText != nil)
        #expect(merge(.functionDump, "FUNCTION DUMP", [.text("odd"), .text("odd")]) == .text("odd"))
        #expect(merge(.functionDump, "FUNCTION DUMP", [.text("odd"), one]).errorText != nil)
    }

    @Test(
        arguments: [
            [245, 0x40, 2, 1, 2], [245, 0x80, 0, 0, 0, 2, 1, 2], [245, 0x81, 0, 0, 0, 0, 0, 0, 0, 1, 9],
            [245, 0xC0, 7],
            [245, 0xC1, 7, 7], [245, 0xC2, 7, 7, 7, 7], [245, 0xC3, 0x40, 1, 0x40, 9, 8],
        ] as [[UInt8]])
    func everyLengthOfARecordIsRead(record: [UInt8]) {
        let end: [UInt8] = [80, 0, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(FunctionDump.records(record + record + end) == [record, record, [80, 0]])
        #expect(FunctionDump.records(record.dropLast() + end) == nil)
        #expect(FunctionDump.records([1] + record + end) == nil)
    }

    @Test(
        arguments: [
            [], [245], [245, 0x81, 255, 255, 255, 255, 255, 255, 255, 255], [245, 0xC4, 1],
            [245, 0x81, 127, 255, 255, 255, 255, 255, 255, 255], [245, 0x82, 0, 0, 0, 0],
        ] as [[UInt8]])
    func lengthsBeyondTheEndAreRefused(record: [UInt8]) {
        let end: [UInt8] = [80, 0, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(FunctionDump.records(record + end) == (record.isEmpty ? [[80, 0]] : nil))
    }

    @Test func theLongestRunningScriptIsShown() {
        func stats(_ running: ReplyValue, libraries: Int) -> ReplyValue {
            map([
                "running_script": running,
                "engines": map(["LUA": map(["libraries_count": .integer(libraries), "functions_count": .integer(1)])]),
            ])
        }
        func script(_ durationMs: Int) -> ReplyValue {
            map(["name": .text("f"), "command": .array([.text("FCALL")]), "duration_ms": .integer(durationMs)])
        }
        let replies = [stats(.null, libraries: 1), stats(script(5), libraries: 2), stats(script(9), libraries: 1)]
        #expect(merge(.functionStats, "FUNCTION STATS", replies) == stats(script(9), libraries: 2))
        #expect(
            flat(merge(.functionStats, "FUNCTION STATS", replies.map(flat))) == flat(stats(script(9), libraries: 2)))
        #expect(
            merge(.functionStats, "FUNCTION STATS", [replies[0], replies[0]]) == stats(.null, libraries: 1))
    }

    // MARK: CLUSTER SLOT-STATS

    @Test func slotsAreOneList() {
        func slot(_ number: Int, _ keys: Int) -> ReplyValue {
            .array([.integer(number), map(["key-count": .integer(keys)])])
        }
        let one = ReplyValue.array([slot(5, 9), slot(1, 2)])
        let two = ReplyValue.array([slot(3, 9), slot(2, 1)])
        func merged(_ line: String) -> ReplyValue { merge(.clusterSlotStats, line, [one, two]) }
        #expect(
            merged("CLUSTER SLOT-STATS SLOTSRANGE 0 9")
                == .array([slot(1, 2), slot(2, 1), slot(3, 9), slot(5, 9)]))
        #expect(
            merged("CLUSTER SLOT-STATS ORDERBY KEY-COUNT LIMIT 3")
                == .array([slot(3, 9), slot(5, 9), slot(1, 2)]))
        #expect(
            merged("CLUSTER SLOT-STATS orderby key-count asc limit 2") == .array([slot(2, 1), slot(1, 2)]))
    }
}
