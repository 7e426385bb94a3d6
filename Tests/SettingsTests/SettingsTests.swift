import Foundation
import Settings
import Testing

/// The repository's own config files.
private let confFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("conf").path

private func refusal(file: String) -> String {
    do {
        _ = try Settings.read(file: file)
        return ""
    } catch {
        return "\(error)"
    }
}

/// Runs `body` with the path of a file of these bytes.
private func withFile<Answer>(_ bytes: [UInt8], _ body: (String) throws -> Answer) throws -> Answer {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("keyway-\(UUID().uuidString).yml")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url.path)
}

@Test func withoutAFileThereIsOnePoolOverFourEmbeddedServers() {
    let standard = Settings.standard
    #expect(standard.pools.map(\.name) == ["main"])
    #expect(standard.pools[0].listen == .tcp(host: "127.0.0.1", port: 22121))
    #expect(standard.warnings == [])
    guard case .embedded(let embedded) = standard.pools[0].servers else {
        Issue.record("no embedded servers")
        return
    }
    #expect((embedded.count, embedded.memoryBytes, embedded.directory) == (4, 256 << 20, nil))
}

@Test func poolsKeepTheOrderOfTheFile() throws {
    let text = "z:\n  listen: h:1\n  servers: {embedded: 1}\na:\n  listen: h:2\n  servers: {embedded: 1}\n"
    #expect(try Settings.parse(text: text, fileName: "k.yml").pools.map(\.name) == ["z", "a"])
}

// MARK: Files

@Test func aFileThatCannotBeReadSaysWhy() {
    #expect(
        refusal(file: "/nowhere/k.yml")
            == "/nowhere/k.yml: cannot be read: No such file or directory; check the path and its rights")
    #expect(refusal(file: "/") == "/: cannot be read: Is a directory; check the path and its rights")
}

@Test func aFileThatIsNotUTF8SaysWhere() throws {
    let text = try withFile(Array("a:\n  listen: h:1\n  redis_auth: ".utf8) + [0xE9, 0x0A]) { path in
        refusal(file: path).replacing(path, with: "FILE")
    }
    #expect(text == "FILE:3: is not UTF-8 text; save the file as UTF-8")
}

@Test func aFileThatIsTooLargeIsRefused() throws {
    let bytes = Array("a:\n".utf8) + [UInt8](repeating: 0x23, count: 1 << 20)
    let text = try withFile(bytes) { path in refusal(file: path).replacing(path, with: "FILE") }
    #expect(text == "FILE: has more than 1048576 bytes; check that it is the config file")
    #expect(refusal(file: "/dev/zero").hasPrefix("/dev/zero: has more than 1048576 bytes; "))
}

@Test func anErrorNamesTheFileAsItWasGiven() throws {
    let text = try withFile(Array(pool("timeout: x").utf8)) { path in refusal(file: path).replacing(path, with: "FILE")
    }
    #expect(text.hasPrefix("FILE:4: alpha.timeout: \"x\" is not a whole number; "))
}

// MARK: conf/

@Test(arguments: [
    "keyway", "fleet", "twemproxy", "reference", "cache", "store", "spare", "cluster", "celebrities",
])
func everyConfigFileOfTheRepositoryIsRightAndWarnsOfNothing(name: String) throws {
    #expect(try Settings.read(file: "\(confFolder)/\(name).yml").warnings == [])
}

@Test func theSmallestFileAndTheReferenceDoWhatNoFileDoes() throws {
    for name in ["keyway", "reference"] {
        var settings = try Settings.read(file: "\(confFolder)/\(name).yml")
        settings.pools[0].line = 0
        settings.texts = [:]
        if case .embedded(var embedded) = settings.pools[0].servers {
            embedded.line = 0
            settings.pools[0].servers = .embedded(embedded)
        }
        #expect(settings == Settings.standard, "\(name)")
    }
}

@Test func aFileOfTwemproxyMeansHereWhatItMeansThere() throws {
    let pools = try Settings.read(file: "\(confFolder)/twemproxy.yml").pools
    let ringNames = pools.map { pool -> [String] in
        guard case .list(let servers) = pool.servers else { return [] }
        return servers.map(\.ringName)
    }
    #expect(pools.map(\.name) == ["alpha", "beta", "gamma"])
    #expect(pools.map(\.hash) == ["fnv1a_64", "murmur", "one_at_a_time"])
    #expect(pools.map(\.distribution) == ["ketama", "modula", "ketama"])
    #expect(pools[2].listen == .unix(path: "/tmp/keyway-gamma.sock", mode: 0o666))
    #expect(
        ringNames == [
            ["127.0.0.1:6379", "127.0.0.1:6380", "127.0.0.1:6381"], ["server1", "server2", "server3"],
            ["/tmp/valkey-1.sock:", "second"],
        ])
}

/// Goal: conf/reference.yml says of every key what SettingsTable says, and knows no other key.
/// Method: a comment block with a `unit:` line documents the next line that is a key, set or behind a `#`.
@Test func theReferenceDocumentsEveryKeyAsItIs() throws {
    let lines = try String(contentsOfFile: "\(confFolder)/reference.yml", encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false)
    var documented: [String] = []
    var section = SettingsRow.Scope.process
    var isInsideServers = false
    var block: [Substring] = []
    for (index, line) in lines.enumerated() {
        let trimmed = line.drop { $0 == " " }
        if trimmed.isEmpty {
            block = []
            continue
        }
        let bare = trimmed.hasPrefix("# ") ? trimmed.dropFirst(2) : trimmed
        let word = bare.prefix { $0.isLetter || $0 == "_" }
        let isKey = !word.isEmpty && bare.dropFirst(word.count).hasPrefix(":")
        guard isKey else {
            block.append(trimmed)
            continue
        }
        let key = String(word)
        if line == trimmed {
            section = key == SettingsTable.processKey ? .process : .pool
            isInsideServers = false
            block = []
            continue
        }
        let scope: SettingsRow.Scope = isInsideServers ? .embedded : section
        if key == "servers" { isInsideServers = true }
        documented.append("\(scope).\(key)")
        let place = "reference.yml:\(index + 1): \(key)"
        guard let row = SettingsTable.row(scope, key) else {
            Issue.record("\(place) is in no row")
            continue
        }
        let isSet = trimmed == bare
        #expect(isSet == (row.defaultText != nil || row.isRequired), "\(place)")
        if let value = row.defaultText { #expect(bare == "\(key): \(value)", "\(place)") }

        let sentence = block.prefix { !$0.hasPrefix("#   ") }.map { $0.dropFirst(2) }.joined(separator: " ")
        #expect(sentence == row.sentence, "\(place)")
        let facts = block.joined(separator: "\n").replacing("\n#     ", with: " ").replacing("\n#   ", with: "   ")
            .components(separatedBy: "   ")
        for fact in [
            "unit: \(row.unit)", "range: \(row.range)", "default: \(row.defaultWord)",
            "reload: \(row.isReloadable ? "yes" : "no")",
        ] {
            #expect(facts.contains(fact), "\(place) lacks \(fact)")
        }
        #expect(facts.contains { $0.hasPrefix("change: ") }, "\(place) does not say when to change it")
        block = []
    }
    #expect(documented.sorted() == SettingsTable.rows.map { "\($0.scope).\($0.key)" }.sorted())
}
