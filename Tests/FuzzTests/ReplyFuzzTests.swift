import FuzzChecks
import Testing

struct ReplyFuzzTests {
    private static let words = [
        "\r\n", "+", "-", ":1\r\n", "$0\r\n", "$-1\r\n", "*-1\r\n", "*2\r\n", "%1\r\n", "~1\r\n", ">1\r\n", "|1\r\n",
        "_\r\n", "$9999999999\r\n", "*9999999999\r\n", "$01\r\n", "=4\r\ntxt:\r\n", "\r", "\n", "\0",
    ]

    @Test func mutatedRepliesEndAtTheSamePlacesAtEveryCut() throws {
        let check = ReplyCheck()
        let failure = FuzzLoop("replies", seed: 2, seconds: 1.5)
            .run(try Corpus("replies"), words: Self.words, sizeBytesMax: 600, check: check.complaint)
        #expect(failure == nil, Comment(rawValue: failure ?? ""))
    }
}
