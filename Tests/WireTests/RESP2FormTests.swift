// RESP3 replies in the form of RESP2.

import Testing
import Wire

struct RESP2FormTests {
    private func form(_ reply: String) -> String {
        let bytes = Array(reply.utf8)
        let sizeBytesMax = RESP2Form.sizeBytesMax(of: bytes.count)
        return String(
            unsafeUninitializedCapacity: sizeBytesMax,
            initializingUTF8With: { RESP2Form.write(bytes, count: bytes.count, to: $0.baseAddress!) })
    }

    @Test(arguments: [
        ("_\r\n", "$-1\r\n"), ("#t\r\n", ":1\r\n"), ("#f\r\n", ":0\r\n"), (",1.5\r\n", "$3\r\n1.5\r\n"),
        (",inf\r\n", "$3\r\ninf\r\n"), ("%0\r\n", "*0\r\n"),
        ("%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n_\r\n", "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n$-1\r\n"),
        ("~12\r\n", "*12\r\n"), ("=7\r\ntxt:a\r\n\r\n", "$3\r\na\r\n\r\n"),
        ("*2\r\n*1\r\n_\r\n#t\r\n", "*2\r\n*1\r\n$-1\r\n:1\r\n"),
        ("$5\r\n_\r\n%1\r\n", "$5\r\n_\r\n%1\r\n"), ("$0\r\n\r\n", "$0\r\n\r\n"), ("$-1\r\n", "$-1\r\n"),
        ("+OK\r\n", "+OK\r\n"), ("-ERR x\r\n", "-ERR x\r\n"), (":-12\r\n", ":-12\r\n"),
    ])
    func eachTypeHasItsForm(reply: String, expected: String) { #expect(form(reply) == expected) }

    @Test func theRoomIsEnoughForTheWorstGrowth() {
        for count in [1, 9, 10, 99, 1_000] {
            let reply = "*\(count)\r\n" + String(repeating: ",1\r\n", count: count)
            #expect(form(reply) == "*\(count)\r\n" + String(repeating: "$1\r\n1\r\n", count: count))
            let nulls = "*\(count)\r\n" + String(repeating: "_\r\n", count: count)
            #expect(form(nulls).utf8.count <= RESP2Form.sizeBytesMax(of: nulls.utf8.count))
        }
    }
}
