import TestKit
import Testing

@testable import Wire

struct RequestScannerTests {
    private let guarded = GuardedBytes()

    private enum End: Equatable {
        case at(Int)
        case open
        case malformed(RequestFault)
    }

    /// Gives `bytes` to one scanner in pieces, each ending at the guard page, as a caller that keeps what is left over.
    private func scan(_ bytes: [UInt8], pieceSizes: [Int], limits: ParserLimits = ParserLimits()) -> End {
        var scanner = RequestScanner()
        var position = 0
        var arrived = 0
        for size in pieceSizes {
            arrived += size
            let piece = bytes[position..<arrived]
            switch scanner.advance(guarded.place(piece), count: piece.count, limits: limits) {
            case .complete(let used): return .at(position + used)
            case .malformed(let fault): return .malformed(fault)
            case .incomplete(let used):
                position += used
                #expect(used >= 0 && arrived - position >= 0 && arrived - position < 16)
            }
        }
        return .open
    }

    @Test(arguments: sampleRequests)
    func theEndIsFoundAtEverySplit(bytes: [UInt8]) {
        let stream = bytes + Array("*1\r\n".utf8)
        for cut in 0...stream.count {
            #expect(scan(stream, pieceSizes: [cut, stream.count - cut]) == .at(bytes.count), "cut at \(cut)")
        }
        #expect(scan(stream, pieceSizes: stream.map { _ in 1 }) == .at(bytes.count))
        for cut in 0..<bytes.count { #expect(scan(bytes, pieceSizes: [cut]) == .open) }
    }

    /// Goal: a request has one end, whoever looks for it and however it arrives.
    @Test func theParserAgrees() {
        var random = SeededRandom.announced()
        var list = ArgumentList()
        var counts = [0, 0, 0]
        for round in 0..<20_000 {
            var bytes = random.request()
            if round % 3 > 0 { bytes = random.mutated(bytes) }
            let parsed = ParseOutcome(
                RequestParser.parse(
                    guarded.place(bytes), count: bytes.count, limits: ParserLimits(), arguments: &list))
            let scanned = scan(bytes, pieceSizes: random.pieceSizes(of: bytes.count))
            #expect(scanned == scan(bytes, pieceSizes: [bytes.count]), "\(bytes)")
            switch parsed {
            case .complete(_, let sizeBytes), .empty(let sizeBytes):
                counts[0] += 1
                #expect(scanned == .at(sizeBytes), "\(bytes)")
            case .malformed(let fault):
                counts[1] += 1
                #expect(scanned == .malformed(fault), "\(bytes)")
            case .incomplete:
                counts[2] += 1
                // The scanner looks at a CR before its LF is there.
                #expect(scanned == .open || scanned == .malformed(.bulkEndInvalid), "\(bytes)")
            }
        }
        #expect(counts.allSatisfy { $0 > 100 }, "the draw is too one-sided: \(counts)")
    }

    @Test func emptyRequestsEndWithTheirHeader() {
        #expect(scan(Array("*0\r\n*1".utf8), pieceSizes: [6]) == .at(4))
        #expect(scan(Array("*-1\r\n".utf8), pieceSizes: [5]) == .at(5))
    }

    @Test func claimsAreSkippedAndNotWaitedForInMemory() {
        var scanner = RequestScanner()
        let header = Array("*1\r\n$536870912\r\n".utf8)
        #expect(scanner.advance(guarded.place(header), count: 16, limits: ParserLimits()) == .incomplete(usedBytes: 16))
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        let start = guarded.place(piece)
        for _ in 0..<512 {
            #expect(
                scanner.advance(start, count: piece.count, limits: ParserLimits()) == .incomplete(usedBytes: 1 << 20))
        }
        #expect(scanner.advance(guarded.place([13, 10]), count: 2, limits: ParserLimits()) == .complete(usedBytes: 2))
    }

    @Test func limitsOfTheCallerHold() {
        var limits = ParserLimits()
        limits.argumentCountMax = 2
        limits.bulkSizeBytesMax = 3
        let sizes = { (bytes: [UInt8]) in [bytes.count] }
        #expect(scan(request("GET", "abc"), pieceSizes: sizes(request("GET", "abc")), limits: limits) == .at(22))
        let long = request("GET", "abcd")
        #expect(scan(long, pieceSizes: sizes(long), limits: limits) == .malformed(.bulkLengthInvalid))
        let many = request("SET", "a", "b")
        #expect(scan(many, pieceSizes: sizes(many), limits: limits) == .malformed(.argumentCountInvalid))
    }
}
