import Settings
import Testing

private let brokenTexts: [(text: String, line: String)] = [
    (
        "a:\n\tlisten: h:1\n",
        "k.yml:2:1: is not valid YAML: while scanning for the next token, "
            + "found character that cannot start any token; indent with spaces; YAML allows no tabs there"
    ),
    (
        "a:\n  listen: [::1]:6379\n",
        "k.yml:2:12: is not valid YAML: while parsing a flow node, "
            + "did not find expected node content; put an address with brackets in quotes"
    ),
    (
        "a: 'x\n",
        "k.yml:2:1: is not valid YAML: while scanning a quoted scalar, "
            + "found unexpected end of stream; correct the line"
    ),
    ("a: *nowhere\n", "k.yml:1:4: is not valid YAML: found undefined alias; correct the line"),
    ("a: &me [*me]\n", "k.yml:1:9: is not valid YAML: found undefined alias; correct the line"),
    ("a:\n  b: \u{1}\n", "k.yml:2:6: is not valid YAML: control characters are not allowed; correct the line"),
    (
        "a: 1\n---\nb: 1\n",
        "k.yml:2:1: is not valid YAML: expected a single document in the stream, "
            + "but found another document; correct the line"
    ),
]

@Test(arguments: brokenTexts)
func textThatIsNotYAMLIsRefusedAtItsPlace(text: String, line: String) {
    #expect(errors(text) == [line])
}

@Test func deepNestingIsRefusedAndDoesNotOverflow() {
    #expect(errors(String(repeating: "[", count: 100_000)).count == 1)
    #expect(errors("a: " + String(repeating: "{b: ", count: 100_000)).count == 1)
    let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    #expect(errors(pool("hash: \(deep)")).count == 1)
}

@Test(arguments: ["", "\n\n", "# nothing\n", "---\n", "\u{FEFF}"])
func aFileWithoutContentHasNoPool(text: String) {
    let lines = errors(text)
    #expect(lines.count == 1)
    #expect(lines.first?.contains("not a map of pools") == true || lines.first?.contains("has no pool") == true)
}

@Test func anEmptyFileSaysHowToStartWithoutOne() {
    #expect(
        errors("") == [
            "k.yml: has no pool; "
                + "add a pool (a name, listen: and servers:), or start without a file for four embedded servers"
        ])
}

@Test func aListAtTheTopIsRefused() {
    #expect(
        errors("# c\n- a\n- b\n") == [
            "k.yml:2: the file is a list, not a map of pools; "
                + "add a pool (a name, listen: and servers:), or start without a file for four embedded servers"
        ])
}

@Test func lineEndsAndByteOrderMarksDoNotMatter() throws {
    let text = pool("timeout: 7", "hash: md5")
    let expected = try Settings.parse(text: text, fileName: "k.yml")
    for variant in [
        text.replacing("\n", with: "\r\n"), text.replacing("\n", with: "\r"), "\u{FEFF}" + text, "---\n" + text,
    ] {
        var settings = try Settings.parse(text: variant, fileName: "k.yml")
        if variant.hasPrefix("---") {
            #expect(settings.pools[0].line == 2)
            settings.pools = expected.pools
        }
        #expect(settings == expected)
    }
    #expect(errors(pool("timeout: x").replacing("\n", with: "\r\n")).first?.hasPrefix("k.yml:4: ") == true)
}

@Test func valuesStayTheTextOfTheFile() throws {
    let settings = try Settings.parse(
        text: pool("timeout: '400'", "backlog: \"7\"", "redis_auth: 0123", "hash_tag: '[]'"), fileName: "k.yml")
    #expect(settings.pools[0].timeoutMs == 400)
    #expect(settings.pools[0].backlog == 7)
    #expect(settings.pools[0].redisAuth == "0123")
    #expect(settings.pools[0].hashTag == "[]")
    #expect(
        errors(pool("timeout: 1e3")) == [
            "k.yml:4: alpha.timeout: \"1e3\" is not a whole number; "
                + "use 0...2147483647 ms (0 = wait for ever), or remove the line for 5000"
        ])
}

@Test func anAnchorIsReadWhereItsAliasStands() throws {
    let text = """
        a:
          listen: h:1
          timeout: &t 250
          servers: &fleet
            - h:6379:1
        b:
          listen: h:2
          timeout: *t
          servers: *fleet
        """
    let settings = try Settings.parse(text: text, fileName: "k.yml")
    #expect(settings.pools[1].timeoutMs == 250)
    #expect(settings.pools[1].servers == settings.pools[0].servers)
}

@Test func aMergeKeyIsRefusedWithItsName() {
    #expect(
        errors("a: &a\n  listen: h:1\n  servers: {embedded: 1}\nb:\n  <<: *a\n  listen: h:2\n") == [
            "k.yml:4: b.servers: is missing; add servers: with a list of host:port:weight[ name] or "
                + "/path:weight[ name], or a map with embedded:",
            "k.yml:5: b.<<: is a YAML merge key, which Keyway does not read; write the keys out",
        ])
}

/// Goal: no file whatever stops the process, and every error is one line that names the file.
/// Method: bytes of a good file are changed, dropped and doubled at random places.
@Test func aDamagedFileIsAnsweredWithErrorsOrSettings() {
    let seed = UInt64.random(in: 0 ... .max)
    print("aDamagedFileIsAnsweredWithErrorsOrSettings: seed \(seed)")
    var state = seed
    func random(below bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
    let good =
        process("workers: 1", "workers: 2") + "b:\n  listen: /s 0600\n  servers: &x\n    - h:1:1 n\n    - ::1:1:1\n"
    let marks = Array("\t\n\r :-?[]{},#&*!|>'\"%@`~<\0".utf8)
    for _ in 0..<1000 {
        var bytes = Array(good.utf8)
        for _ in 0...random(below: 4) {
            let place = random(below: bytes.count)
            switch random(below: 4) {
            case 0: bytes[place] = marks[random(below: marks.count)]
            case 1: bytes[place] = UInt8(random(below: 256))
            case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random(below: 20)))
            default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 30)], at: place)
            }
            if bytes.isEmpty { bytes = [0x61] }
        }
        let lines = errors(String(decoding: bytes, as: UTF8.self))
        #expect(lines.allSatisfy { $0.hasPrefix("k.yml:") && !$0.contains("\n") }, "seed \(seed)")
    }
}

// MARK: Duplicates

@Test func duplicateKeysAreReportedTogetherWithEverythingElse() {
    let text = """
        keyway:
          workers: 1
          workers: 2
        a:
          listen: h:1
          timeout: 1   # first
          # timeout: 2 is a comment
          "timeout": 2
          'timeout': 3
          hash: nope
          servers:
          - h:1:1
          hash: md5
        b:
          timeout: 1
          listen: h:2
          servers:
            embedded: 1
            embedded: 2
        a:
          listen: h:3
          servers: {embedded: 1}
        """
    #expect(
        errors(text) == [
            "k.yml:3: keyway.workers: is a duplicate of line 2; keep one of them",
            "k.yml:8: a.timeout: is a duplicate of line 6; keep one of them",
            "k.yml:9: a.timeout: is a duplicate of line 6; keep one of them",
            "k.yml:10: a.hash: \"nope\" is not one of fnv1a_64, fnv1_64, fnv1_32, fnv1a_32, one_at_a_time, md5, crc16, "
                + "crc32, crc32a, hsieh, murmur, jenkins; use one of them, or remove the line for fnv1a_64",
            "k.yml:13: a.hash: is a duplicate of line 10; keep one of them",
            "k.yml:19: b.servers.embedded: is a duplicate of line 18; keep one of them",
            "k.yml:20: a: is a duplicate of line 4; give one of the two pools another name",
        ])
}

@Test func keysThatYAMLTellsApartButWeDoNotAreDuplicatesToo() {
    #expect(
        errors("1:\n  listen: h:1\n  servers: {embedded: 1}\n\"1\":\n  listen: h:2\n  servers: {embedded: 1}\n") == [
            "k.yml:4: 1: is a duplicate of line 1; give one of the two pools another name"
        ])
}

@Test func aDuplicateInAFlowMapIsReportedAtItsFirstPlace() {
    #expect(
        errors("a:\n  listen: h:1\n  servers: {embedded: 1, embedded: 2}\n") == [
            "k.yml:3: embedded: is set more than once in one map; keep one of them"
        ])
}

@Test func manyDuplicatesAreBoundedAndAnswered() {
    let lines = (0..<100).map { "  k\($0): 1\n  k\($0): 2\n" }.joined()
    #expect(
        errors("a:\n" + lines) == [
            "k.yml: has more than 64 duplicate keys; write every key once in its map"
        ])
}
