import Testing

@testable import Wire

struct RequestBuilderTests {
    @Test(arguments: [
        (["PING"], "*1\r\n$4\r\nPING\r\n"), (["SET", "", "ä"], "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$2\r\nä\r\n"),
        ([], "*0\r\n"),
    ])
    func wordsBecomeTheArrayForm(words: [String], text: String) {
        #expect(RequestBuilder.bytes(words) == Array(text.utf8))
        #expect(RequestBuilder.bytes(words.map { Array($0.utf8) }) == Array(text.utf8))
    }
}
