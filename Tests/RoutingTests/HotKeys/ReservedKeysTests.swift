import Testing
import Wire

@testable import Routing

struct ReservedKeysTests {
    private func view<Result>(_ bytes: [UInt8], _ use: (ByteView) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { use(ByteView(start: $0.baseAddress!, count: $0.count)) }
    }

    private func hidden(_ reply: String) -> String? {
        view(Array(reply.utf8)) { ReservedKeys.hidden(in: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func namesAreOfOneProcessWorkerAndNumber() {
        let name = view([0, 255, 58]) { ReservedKeys.name(of: $0, process: 0xAB, workerIndex: 3, number: 17) }
        #expect(name == Array("__keyway:00000000000000ab:3.17:".utf8) + [0, 255, 58])
        #expect(view(name) { ReservedKeys.contains($0) })
        for other in ["__keyway", "__Keyway:x", "keyway:x", "x__keyway:x", " "] {
            #expect(!view(Array(other.utf8)) { ReservedKeys.contains($0) }, "\(other)")
        }
    }

    @Test func arraysLoseThem() {
        #expect(hidden("*0\r\n") == "*0\r\n")
        #expect(hidden("*2\r\n$1\r\na\r\n$10\r\n__keyway:x\r\n") == "*1\r\n$1\r\na\r\n")
        #expect(hidden("*2\r\n$9\r\n__keyway:\r\n$8\r\n__keyway\r\n") == "*1\r\n$8\r\n__keyway\r\n")
        #expect(hidden("*1\r\n$12\r\na\r\n__keyway:\r\n") == "*1\r\n$12\r\na\r\n__keyway:\r\n")
    }

    @Test func whatIsNoArrayOfKeysStaysAsItIs() {
        for reply in ["$1\r\na\r\n", ":1\r\n", "*1\r\n:1\r\n", "*1\r\n$5\r\nab", "*-1\r\n"] {
            #expect(hidden(reply) == nil, "\(reply)")
        }
    }
}
