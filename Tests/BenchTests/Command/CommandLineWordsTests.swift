import Testing

@testable import keyway_bench

struct CommandLineWordsTests {
    @Test(arguments: [
        ["-a", "secret", "-c", "5"], ["-c", "5", "--password", "secret"], ["--password=secret"], ["-asecret"],
        ["-a=secret"], ["-a", "secret", "--password", "secret"],
    ])
    func noPasswordIsShown(_ words: [String]) {
        let shown = CommandLineWords.withoutPassword(words)
        #expect(!shown.joined(separator: " ").contains("secret"))
        #expect(shown.count == words.count)
    }

    @Test func theRestStays() {
        let words = ["keyway-bench", "--arrivals", "even", "--user", "u", "-p", "1"]
        #expect(CommandLineWords.withoutPassword(words) == words)
    }
}
