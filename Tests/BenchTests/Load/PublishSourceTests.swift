import TestKit
import Testing

@testable import keyway_bench

struct PublishSourceTests {
    private func time(of message: [UInt8]) -> UInt64? {
        message.withUnsafeBufferPointer { PublishSource.publishNs(of: $0.baseAddress!, count: $0.count) }
    }

    /// What a server makes of a published payload.
    private func delivery(_ payload: String, first: String = "*") -> [UInt8] {
        Array("\(first)3\r\n$7\r\nmessage\r\n$14\r\nkeyway-bench:0\r\n$\(payload.utf8.count)\r\n\(payload)\r\n".utf8)
    }

    @Test func aMessageCarriesItsMoment() throws {
        var source = PublishSource(.init(channelCount: 2, subscriberCount: 1, payloadBytes: 20), threadIndex: 1)
        var out = ByteBuffer(capacityBytes: 10)
        source.begin(atNs: 0x0123_4567_89ab_cdef)
        let first = source.next(&out, connectionIndex: 0)
        let second = source.next(&out, connectionIndex: 0)
        #expect([first?.note, second?.note] == [1, 0])
        let text = String(decoding: UnsafeBufferPointer(start: out.start, count: out.count), as: UTF8.self)
        let payload = "0123456789abcdefxxxx"
        #expect(
            text == "*3\r\n$7\r\nPUBLISH\r\n$14\r\nkeyway-bench:1\r\n$20\r\n\(payload)\r\n"
                + "*3\r\n$7\r\nPUBLISH\r\n$14\r\nkeyway-bench:0\r\n$20\r\n\(payload)\r\n")
        #expect(time(of: delivery(payload)) == 0x0123_4567_89ab_cdef)
        #expect(time(of: delivery(payload, first: ">")) == 0x0123_4567_89ab_cdef)
    }

    @Test func whatIsNoDeliveryHasNoMoment() {
        let whole = delivery("0123456789abcdef")
        for cut in 1..<whole.count { #expect(time(of: Array(whole.prefix(cut))) == nil, "cut at \(cut)") }
        #expect(time(of: delivery("0123456789abcde")) == nil)
        #expect(time(of: delivery("0123456789abcdeg")) == nil)
        #expect(time(of: Array("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n".utf8)) == nil)
        #expect(time(of: Array("+OK\r\n".utf8)) == nil)
    }

    @Test func randomBytesAreNeverTakenForMoreThanTheyAre() {
        var dice = SeededRandom.announced()
        let whole = delivery("0123456789abcdef")
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<(1 + dice.below(4)) { bytes[dice.below(bytes.count)] = UInt8(dice.below(256)) }
            // It must not read beyond the end; what it makes of them does not matter.
            _ = time(of: bytes)
        }
    }
}
