import Hashing
import Testing

private func region(_ key: String, _ tag: String) -> String? {
    let bytes = Array(key.utf8)
    return (bytes + [0]).withUnsafeBufferPointer { buffer in
        guard let tag = HashTag(tag), let start = buffer.baseAddress else { return nil }
        let region = tag.region(of: start, count: bytes.count)
        return String(decoding: UnsafeBufferPointer(start: region.start, count: region.count), as: UTF8.self)
    }
}

@Test(arguments: [
    ("{tag}x", "{}", "tag"), ("x{tag}", "{}", "tag"), ("a{b}c{d}e", "{}", "b"), ("{{b}}", "{}", "{b"),
    ("}a{b}", "{}", "b"), ("{}{x}", "{}", "{}{x}"), ("{}", "{}", "{}"), ("{", "{}", "{"), ("}", "{}", "}"),
    ("{abc", "{}", "{abc"), ("abc}", "{}", "abc}"), ("}{", "{}", "}{"), ("", "{}", ""), ("abc{", "{}", "abc{"),
    ("a{b}", "{}", "b"), ("{b", "{}", "{b"), ("$a$b$", "$$", "a"), ("$$b$", "$$", "$$b$"), ("$", "$$", "$"),
    ("x$y", "$$", "x$y"), ("<a>{b}", "<>", "a"), ("<a>{b}", "{}", "b"),
])
func regionFollowsTheRule(key: String, tag: String, expected: String) {
    #expect(region(key, tag) == expected)
}

/// The byte behind a key must never close its tag.
@Test func aTagIsNotClosedBehindTheKey() {
    let bytes = Array("a{bc}".utf8)
    let count = bytes.withUnsafeBufferPointer { HashTag.braces.region(of: $0.baseAddress!, count: 4).count }
    #expect(count == 4)
}

@Test func aTagIsExactlyTwoBytes() {
    #expect(HashTag("{}") == .braces)
    for text in ["", "{", "{}}", "é}", "→"] { #expect(HashTag(text) == nil, "\(text)") }
    #expect(HashTag("é") == HashTag(open: 0xc3, close: 0xa9))
}

@Test(arguments: KeyHash.allCases, [Distribution.ketama, .modula])
func aTaggedKeyGoesWhereItsTagGoes(hash: KeyHash, distribution: Distribution) {
    let tagged = makePlacement(distribution, hash, hashTag: "{}", of: publishedServers)
    let plain = makePlacement(distribution, hash, of: publishedServers)
    for number in 0..<50 {
        #expect(tagged.server("user:{\(number)}:name") == plain.server("\(number)"))
        #expect(tagged.hashValue(of: "user:{\(number)}:name") == plain.hashValue(of: "\(number)"))
        #expect(tagged.server("{}{\(number)}") == plain.server("{}{\(number)}"))
    }
}
