import Testing

@testable import keyway_bench

struct MixTests {
    private func shares(_ text: String) throws -> [String: Double] {
        let parts = try Mix(parsing: text).parts
        let sum = parts.reduce(0) { $0 + $1.weight }
        return Dictionary(uniqueKeysWithValues: parts.map { ($0.preset.name, $0.weight / sum) })
    }

    @Test func namesAndWeights() throws {
        #expect(try shares("get=9,set=1") == ["get": 0.9, "set": 0.1])
        #expect(try shares("GET, set") == ["get": 0.5, "set": 0.5])
        #expect(try shares("get=1,set=2,get=1") == ["get": 0.5, "set": 0.5])
    }

    @Test func groupsShareTheirWeight() throws {
        let shares = try shares("hash=1,get=1")
        #expect(abs(shares["get"]! - 0.5) < 1e-12 && abs(shares["hget"]! - 0.3) < 1e-12)
        #expect(try Mix(parsing: "ycsb-a").isYCSB && !Mix(parsing: "get").isYCSB)
    }

    @Test func everyGroupNamesPresets() throws {
        for group in Preset.groups { #expect(try !Mix(parsing: group.name).parts.isEmpty) }
    }

    @Test(arguments: [
        ("", "no operation \"\""), ("got", "no operation \"got\""), ("get=0", "above 0"), ("get=-1", "above 0"),
        ("get=", "above 0"), ("get=1=2", "NAME=WEIGHT"), ("get,", "no operation"), ("ycsb-d", "not offered"),
    ]) func whatIsWrongIsExplained(text: String, words: String) {
        #expect(failureText { _ = try Mix(parsing: text) }.contains(words))
    }
}
