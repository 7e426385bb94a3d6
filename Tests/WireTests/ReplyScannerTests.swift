import TestKit
import Testing

@testable import Wire

struct ReplyScannerTests {
    private let guarded = GuardedBytes()

    /// Where the replies of a stream end, when it comes in pieces and the caller keeps what is left over.
    private func ends(_ bytes: [UInt8], pieceSizes: [Int]) -> (ends: [Int], isMalformed: Bool) {
        var scanner = ReplyScanner()
        var ends: [Int] = []
        var position = 0
        var arrived = 0
        for size in pieceSizes {
            arrived += size
            var isOpen = true
            while isOpen {
                let piece = bytes[position..<arrived]
                switch scanner.advance(guarded.place(piece), count: piece.count) {
                case .complete(let used):
                    position += used
                    ends.append(position)
                    isOpen = position < arrived
                case .incomplete(let used):
                    position += used
                    #expect(used >= 0 && arrived - position >= 0 && arrived - position < 16)
                    isOpen = false
                case .malformed: return (ends, true)
                }
            }
        }
        return (ends, false)
    }

    @Test(arguments: sampleReplies)
    func theEndIsFoundAtEverySplit(reply: String) {
        let bytes = Array(reply.utf8)
        let stream = bytes + bytes
        for cut in 0...stream.count {
            let found = ends(stream, pieceSizes: [cut, stream.count - cut])
            #expect(found == ([bytes.count, stream.count], false), "cut at \(cut)")
        }
        #expect(ends(stream, pieceSizes: stream.map { _ in 1 }) == ([bytes.count, stream.count], false))
        for cut in 0..<bytes.count { #expect(ends(bytes, pieceSizes: [cut]) == ([], false), "cut at \(cut)") }
    }

    @Test func randomStreamsAreCutWhereTheyWerePutTogether() {
        var random = SeededRandom.announced()
        for _ in 0..<3_000 {
            var stream: [UInt8] = []
            var wanted: [Int] = []
            for _ in 0...random.below(6) {
                stream += random.reply()
                wanted.append(stream.count)
            }
            #expect(ends(stream, pieceSizes: random.pieceSizes(of: stream.count)) == (wanted, false))
        }
    }

    /// Goal: a backend that sends rubbish is an error value, however the rubbish is cut.
    @Test func mutatedStreamsAreJudgedAlikeInOnePieceAndInMany() {
        var random = SeededRandom.announced()
        for _ in 0..<10_000 {
            let stream = random.mutated(random.reply() + random.reply())
            let whole = ends(stream, pieceSizes: [stream.count])
            let cut = ends(stream, pieceSizes: random.pieceSizes(of: stream.count))
            #expect(whole == cut, "\(stream)")
        }
    }

    @Test(arguments: [
        "x", "\r\n", "\u{0}", "$-2\r\n", "$01\r\n", "$\r\n", "*\r\n", "*x", "$?\r\n", "*?\r\n", "%-2\r\n", "$1\r\nabc",
        "$3\r\nabcde", "$12345678901", "=x\r\n", "GET", "*1\r\n.\r\n", "+OK\n", "+OK9\n", "-\n", "*2\r\n:1\r\n:2\n",
    ])
    func whatIsNoReplyIsMalformed(text: String) {
        let bytes = Array(text.utf8)
        #expect(ends(bytes, pieceSizes: [bytes.count]).isMalformed)
        #expect(ends(bytes, pieceSizes: bytes.map { _ in 1 }).isMalformed)
    }

    @Test func claimsCostNothing() {
        var scanner = ReplyScanner()
        let header = Array("$9999999999\r\n".utf8)
        #expect(scanner.advance(guarded.place(header), count: 13) == .incomplete(usedBytes: 13))
        #expect(scanner.knownBytesLeft == 10_000_000_001)
        #expect(!scanner.isAtStart)
        scanner = ReplyScanner()
        let arrays = (0..<1_000).flatMap { _ in Array("*9999999999\r\n".utf8) }
        #expect(scanner.advance(guarded.place(arrays), count: arrays.count) == .malformed)
    }

    @Test func depthHasNoLimitAndNoCost() {
        let deep = (0..<50_000).flatMap { _ in Array("*1\r\n".utf8) } + Array(":1\r\n".utf8)
        #expect(ends(deep, pieceSizes: [deep.count]) == ([deep.count], false))
    }

    @Test func aScannerIsFreshAgainBehindEveryReply() {
        for reply in sampleReplies {
            var scanner = ReplyScanner()
            let bytes = Array(reply.utf8)
            #expect(scanner.isAtStart)
            #expect(scanner.advance(guarded.place(bytes), count: bytes.count) == .complete(usedBytes: bytes.count))
            #expect(scanner == ReplyScanner() && scanner.isAtStart && scanner.knownBytesLeft == 0)
        }
    }

    @Test func insideABodyOrALineNothingIsAtTheStart() {
        for front in ["$3\r\n", "$3\r\nabc", "$3\r\nabc\r", "+", "+O", "+OK\r", "*2\r\n", "%1\r\n", "|1\r\n"] {
            var scanner = ReplyScanner()
            let bytes = Array(front.utf8)
            #expect(scanner.advance(guarded.place(bytes), count: bytes.count) == .incomplete(usedBytes: bytes.count))
            #expect(!scanner.isAtStart, "\(front.debugDescription)")
        }
    }
}
