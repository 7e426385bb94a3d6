import FuzzChecks
import Testing

struct RequestFuzzTests {
    private static let words = [
        "\r\n", "*1\r\n", "*2\r\n", "*0\r\n", "*-1\r\n", "$0\r\n", "$3\r\nGET\r\n", "$-1\r\n", "$536870913\r\n",
        "*2147483648\r\n", "$00\r\n", "*\r\n", "\r", "\n", "\"", "'", "\\x4", "\\", "\0", "9999999999",
    ]

    @Test func everyReaderAgreesOnMutatedRequests() throws {
        let check = RequestCheck()
        let failure = FuzzLoop("requests", seed: 1, seconds: 1.5)
            .run(try Corpus("requests"), words: Self.words, sizeBytesMax: 1_500, check: check.complaint)
        #expect(failure == nil, Comment(rawValue: failure ?? ""))
    }
}
