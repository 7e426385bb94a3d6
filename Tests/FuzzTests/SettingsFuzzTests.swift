import FuzzChecks
import Testing

struct SettingsFuzzTests {
    private static let words = [
        "\n", "  ", ": ", "- ", "listen: ", "servers:", "hash: ", "distribution: ", "timeout: ", "keyway:", "main:",
        "&a ", "*a", "<<: *a", "!!str ", "\"", "'", "[", "]", "{", "}", "|", ">", "#", "---\n", "...\n", "? ", "\t",
        "127.0.0.1:6379:1", "-1", "99999999999999999999", "1e9", "0x10", "true", "~", "\u{FEFF}", "\u{85}", "\u{2028}",
        "\0", "\u{1B}[31m", "\r",
    ]

    @Test func mutatedConfigsAreReadOrExplained() throws {
        let failure = FuzzLoop("configs", seed: 3, seconds: 1.5)
            .run(try Corpus("configs"), words: Self.words, sizeBytesMax: 2_000, check: SettingsCheck().complaint)
        #expect(failure == nil, Comment(rawValue: failure ?? ""))
    }
}
