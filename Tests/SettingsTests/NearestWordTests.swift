import Settings
import Testing

private let words = ["timeout", "connect_timeout", "hash", "hash_tag", "redis"]

@Test(arguments: [
    ("timout", "timeout"), ("tiemout", "timeout"), ("Timeout", "timeout"), ("timeouts", "timeout"),
    ("hashtag", "hash_tag"), ("hsah", "hash"), ("conect_timeout", "connect_timeout"), ("rediss", "redis"),
])
func aSlipFindsItsWord(typed: String, meant: String) {
    #expect(nearestWord(to: typed, in: words) == meant)
}

@Test(arguments: ["", "x", "bananas", "completely_different", String(repeating: "timeout", count: 10_000)])
func aStrangerFindsNothing(typed: String) {
    #expect(nearestWord(to: typed, in: words) == nil)
}

@Test func theCloserWordWinsAndThenTheEarlier() {
    #expect(nearestWord(to: "timeoutx", in: ["timeouts_", "timeout"]) == "timeout")
    #expect(nearestWord(to: "abcx", in: ["abcd", "abce"]) == "abcd")
    #expect(nearestWord(to: "abc", in: []) == nil)
}
