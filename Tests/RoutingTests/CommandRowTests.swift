import Foundation
import Routing
import Testing

/// One line of the committed data, read without the generator.
private struct Record {
    let fields: [String]
    var name: String { fields[0] }
    var specs: String { fields[7] }
    func words(_ index: Int) -> [String] { fields[index].split(separator: " ").map(String.init) }
}

private let commandsDirectory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Sources/Routing/Commands").standardizedFileURL

private func readRecords() throws -> [Record] {
    let text = try String(contentsOf: commandsDirectory.appendingPathComponent("commands.csv"), encoding: .utf8)
    return text.split(whereSeparator: \.isNewline).dropFirst().map { line in
        var fields = [""]
        var isQuoted = false
        var isAfterQuote = false
        for character in line {
            if character == "\"" {
                if !isQuoted && isAfterQuote { fields[fields.count - 1].append("\"") }
                isQuoted.toggle()
                isAfterQuote = true
                continue
            }
            isAfterQuote = false
            if character == "," && !isQuoted { fields.append("") } else { fields[fields.count - 1].append(character) }
        }
        return Record(fields: fields)
    }
}

private let classes: [String: CommandClass] = [
    "KEY": .key, "SPLIT": .split, "COMPUTE": .compute, "SAMESHARD": .sameShard, "SCRIPT": .script,
    "PINNED": .pinned, "PUBSUB": .pubSub, "ITERATE": .iterate, "BCAST": .broadcast, "LOCAL": .local,
    "REFUSE": .refuse,
]

private let flags: [String: CommandFlags] = [
    "WRITE": .write, "READONLY": .readonly, "DENYOOM": .denyOOM, "ADMIN": .admin, "PUBSUB": .pubSub,
    "NOSCRIPT": .noscript, "BLOCKING": .blocking, "LOADING": .loading, "STALE": .stale,
    "SKIP_MONITOR": .skipMonitor, "SKIP_COMMANDLOG": .skipCommandlog, "ASKING": .asking, "FAST": .fast,
    "NO_AUTH": .noAuth, "MAY_REPLICATE": .mayReplicate, "SENTINEL": .sentinel, "ONLY_SENTINEL": .onlySentinel,
    "NO_MANDATORY_KEYS": .noMandatoryKeys, "PROTECTED": .protected, "NO_ASYNC_LOADING": .noAsyncLoading,
    "NO_MULTI": .noMulti, "ALLOW_BUSY": .allowBusy, "TOUCHES_ARBITRARY_KEYS": .touchesArbitraryKeys,
    "ALL_DBS": .allDBs, "NONDETERMINISTIC_OUTPUT": .nondeterministicOutput,
    "NONDETERMINISTIC_OUTPUT_ORDER": .nondeterministicOrder,
]

private let requests: [String: RequestPolicy] = [
    "ALL_NODES": .allNodes, "ALL_SHARDS": .allShards, "MULTI_SHARD": .multiShard, "SPECIAL": .special,
]

private let responses: [String: ResponsePolicy] = [
    "AGG_SUM": .sum, "AGG_MIN": .minimum, "AGG_LOGICAL_AND": .logicalAnd, "ALL_SUCCEEDED": .allSucceeded,
    "ONE_SUCCEEDED": .oneSucceeded, "SPECIAL": .special,
]

/// Where Keyway must not believe Valkey's tips.
private let overrides: [String: (RequestPolicy, ResponsePolicy)] = [
    "PFCOUNT": (.multiShard, .special), "MSETNX": (.none, .none), "MSETEX": (.multiShard, .special),
    "WATCH": (.none, .none), "WAIT": (.special, .minimum), "WAITAOF": (.special, .minimum),
    "PUBLISH": (.special, .none),
]

struct CommandRowTests {
    let table = CommandTable()

    @Test func everyRowHoldsWhatTheDataSays() throws {
        let records = try readRecords()
        #expect(records.count == 425)
        #expect(table.rows.count == records.count)
        for (row, record) in zip(table.rows, records) {
            let name = record.name
            #expect(record.fields.count == 9, "\(name)")
            #expect(table.name(of: row.id) == name)
            #expect(row.commandClass == classes[record.fields[1]], "\(name)")
            #expect(table.group(of: row.id) == record.fields[2], "\(name)")
            #expect(table.since(of: row.id) == record.fields[3], "\(name)")
            #expect(Int(row.arity) == Int(record.fields[4]), "\(name)")
            #expect(table.treatment(of: row.id) == record.fields[8], "\(name)")
            let tips = record.words(6)
            #expect(table.tips(of: row.id).map { $0.uppercased() } == tips, "\(name)")

            var expected: CommandFlags = []
            for word in record.words(5) + tips where !word.contains(":") {
                expected.insert(try #require(flags[word], "\(word)"))
            }
            let subcommandCount = records.count { $0.name.hasPrefix(name + " ") }
            if subcommandCount > 0 { expected.insert(.container) }
            #expect(Int(row.subcommandCount) == subcommandCount, "\(name)")
            let isMovable = ["keynum", "keyword", "unknown"].contains { record.specs.contains("\"\($0)\"") }
            if isMovable { expected.insert(.movableKeys) }
            #expect(row.flags == expected, "\(name)")

            var request = RequestPolicy.none
            var response = ResponsePolicy.none
            for tip in tips {
                let parts = tip.split(separator: ":").map(String.init)
                if parts[0] == "REQUEST_POLICY" { request = try #require(requests[parts[1]]) }
                if parts[0] == "RESPONSE_POLICY" { response = try #require(responses[parts[1]]) }
            }
            if let override = overrides[name] { (request, response) = override }
            #expect(row.requestPolicy == request, "\(name)")
            #expect(row.responsePolicy == response, "\(name)")

            let hasSpecs = !record.specs.isEmpty
            #expect((row.keyFinding != .none) == (hasSpecs && name != "CLUSTERSCAN"), "\(name)")
            #expect((row.numkeysRule != .none) == record.specs.contains("keynumidx"), "\(name)")
            holdSpecs(row, record)
        }
    }

    /// Decoded with another parser than the generator's.
    private func holdSpecs(_ row: CommandRow, _ record: Record) {
        let name = record.name
        let specs = [row.spec1, row.spec2, row.spec3].filter { $0.begin != .none }
        let parts = record.specs.split(separator: ";")
        #expect(specs.count == parts.count, "\(name)")
        for (spec, part) in zip(specs, parts) {
            let halves = part.components(separatedBy: "->").map { half in
                (try? JSONSerialization.jsonObject(with: Data(half.utf8))) as? [String: Any] ?? [:]
            }
            func fact(_ half: Int, _ kind: String, _ name: String) -> Any? {
                (halves[half][kind] as? [String: Any])?[name]
            }
            func number(_ half: Int, _ kind: String, _ name: String) -> Int? { fact(half, kind, name) as? Int }
            switch spec.begin {
            case .index: #expect(Int(spec.position) == number(0, "index", "pos"), "\(name)")
            case .keyword:
                #expect(Int(spec.position) == number(0, "keyword", "startfrom"), "\(name)")
                #expect("\(spec.keyword)".uppercased() == fact(0, "keyword", "keyword") as? String, "\(name)")
            case .unknown: #expect(halves[0].keys.first == "unknown", "\(name)")
            case .none: Issue.record("\(name) has an empty specification")
            }
            switch spec.find {
            case .range:
                #expect(Int(spec.last) == number(1, "range", "lastkey"), "\(name)")
                #expect(Int(spec.step) == number(1, "range", "step"), "\(name)")
                #expect(Int(spec.limit) == number(1, "range", "limit"), "\(name)")
                #expect(spec.step > 0)
            case .keynum:
                #expect(Int(spec.keynumOffset) == number(1, "keynum", "keynumidx"), "\(name)")
                #expect(Int(spec.firstKeyOffset) == number(1, "keynum", "firstkey"), "\(name)")
                #expect(Int(spec.step) == number(1, "keynum", "step"), "\(name)")
                #expect(row.keynumIndex == spec.position + spec.keynumOffset, "\(name)")
                #expect(spec.step > 0)
            case .unknown: #expect(halves[1].keys.first == "unknown", "\(name)")
            case .none: Issue.record("\(name) has an empty specification")
            }
        }
    }

    @Test func classesHaveTheCountsOfTheSurvey() {
        var counts: [CommandClass: Int] = [:]
        for row in table.rows { counts[row.commandClass, default: 0] += 1 }
        #expect(
            counts == [
                .key: 144, .local: 98, .refuse: 64, .broadcast: 38, .sameShard: 23, .pinned: 18, .pubSub: 15,
                .compute: 10, .split: 7, .script: 6, .iterate: 2,
            ])
        #expect(table.rows.count { $0.commandClass == .key && $0.flags.contains(.write) } == 73)
    }

    @Test func everyCommandOfClassKeyHasOneKeyAtOneOrTwo() {
        var second: [String] = []
        for row in table.rows where row.commandClass == .key {
            #expect(row.keyFinding == .single)
            #expect(row.keyFirst == row.keyLast && row.keyStep == 1)
            if row.keyFirst == 2 { second.append(table.name(of: row.id)) } else { #expect(row.keyFirst == 1) }
        }
        #expect(second.count == 13)
        #expect(second.contains("OBJECT ENCODING") && second.contains("XGROUP CREATE"))
    }

    /// Goal: first, last, step are Valkey's. Method: numbers copied from the answers of a Valkey.
    @Test(arguments: [
        (CommandID.get, [1, 1, 1]), (.mset, [1, -1, 2]), (.blpop, [1, -2, 1]), (.bitop, [2, -1, 1]),
        (.rename, [1, 2, 1]), (.lcs, [1, 2, 1]), (.zunionstore, [1, 1, 1]), (.eval, [0, 0, 0]),
        (.xread, [0, 0, 0]), (.migrate, [3, 3, 1]), (.sinterstore, [1, -1, 1]), (.sort, [1, 1, 1]),
        (.georadius, [1, 1, 1]), (.objectEncoding, [2, 2, 1]), (.copy, [1, 2, 1]), (.ping, [0, 0, 0]),
    ])
    func firstLastAndStepAreThoseThatValkeyShows(id: CommandID, numbers: [Int]) {
        let row = table.view[id].pointee
        #expect([Int(row.keyFirst), Int(row.keyLast), Int(row.keyStep)] == numbers)
    }

    @Test func channelsAndCursorsAreMarkedAsNoKeys() {
        let marked = table.rows.filter(\.spec1.isNotKey).map { table.name(of: $0.id) }
        #expect(Set(marked) == ["CLUSTERSCAN", "SPUBLISH", "SSUBSCRIBE", "SUNSUBSCRIBE"])
    }

    @Test func aRowTakesAtMost80Bytes() {
        #expect(MemoryLayout<CommandRow>.stride <= 80)
    }

    @Test(arguments: [
        ("generate.py", ["Sources/Routing/Commands/CommandRows.swift", "Sources/Routing/Commands/CommandID.swift"]),
        ("document.py", ["COMMANDS.md"]),
    ])
    func committedFilesAreWhatTheGeneratorWrites(generator: String, paths: [String]) throws {
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("keyway-generated-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", commandsDirectory.appendingPathComponent(generator).path, directory.path]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let root = commandsDirectory.appendingPathComponent("../../..")
        for path in paths {
            let committed = root.appendingPathComponent(path)
            let written = directory.appendingPathComponent(committed.lastPathComponent)
            #expect(try Data(contentsOf: written) == Data(contentsOf: committed), "\(path) is stale: run \(generator)")
        }
    }
}
