import Testing
import Wire

@testable import Routing

struct MissingKeyReplyTests {
    private func couldBe(_ reply: String) -> Bool {
        let bytes = Array(reply.utf8)
        return bytes.withUnsafeBufferPointer {
            MissingKeyReply.couldBe(ByteView(start: $0.baseAddress!, count: $0.count))
        }
    }

    @Test(
        arguments: [
            "$-1\r\n", "*-1\r\n", "_\r\n", "$0\r\n\r\n", ":0\r\n", ":-1\r\n", "*0\r\n", "%0\r\n", "~0\r\n", "+none\r\n",
            "*2\r\n$-1\r\n$-1\r\n", "*2\r\n_\r\n_\r\n", "*3\r\n:0\r\n:0\r\n:0\r\n", "*1\r\n*-1\r\n",
        ])
    func sayingNothing(reply: String) { #expect(couldBe(reply)) }

    @Test(
        arguments: [
            "$1\r\n0\r\n", ":1\r\n", ":10\r\n", ":-10\r\n", "+string\r\n", "*2\r\n$-1\r\n$1\r\na\r\n",
            "*2\r\n:0\r\n:1\r\n",
            "$2\r\n\r\n\r\n", ",0\r\n", "%1\r\n$1\r\nf\r\n$0\r\n\r\n", "#t\r\n",
        ])
    func sayingSomething(reply: String) { #expect(!couldBe(reply)) }
}
