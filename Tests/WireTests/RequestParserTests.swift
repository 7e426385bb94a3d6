import TestKit
import Testing

@testable import Wire

/// What the parser said, in a form that can be compared and outlives the buffer.
enum ParseOutcome: Equatable {
    case complete([[UInt8]], sizeBytes: Int)
    case empty(sizeBytes: Int)
    case incomplete(sizeBytesMin: Int)
    case malformed(RequestFault)

    init(_ parsed: ParsedRequest) {
        self =
            switch parsed {
            case .complete(let view): .complete(view.argumentBytes, sizeBytes: view.sizeBytes)
            case .empty(let sizeBytes): .empty(sizeBytes: sizeBytes)
            case .incomplete(let sizeBytesMin): .incomplete(sizeBytesMin: sizeBytesMin)
            case .malformed(let fault): .malformed(fault)
            }
    }
}

extension RequestView {
    var argumentBytes: [[UInt8]] { (0..<argumentCount).map { Array(self[$0].buffer) } }
}

struct RequestParserTests {
    private let guarded = GuardedBytes()

    private func parse(
        _ bytes: some Collection<UInt8>, limits: ParserLimits = ParserLimits(), _ list: inout ArgumentList
    ) -> ParseOutcome {
        ParseOutcome(
            RequestParser.parse(guarded.place(bytes), count: bytes.count, limits: limits, arguments: &list))
    }

    private func parse(_ bytes: some Collection<UInt8>, limits: ParserLimits = ParserLimits()) -> ParseOutcome {
        var list = ArgumentList()
        return parse(bytes, limits: limits, &list)
    }

    @Test func argumentsAreCutOut() {
        #expect(parse(request("SET", "k", "")) == .complete([[83, 69, 84], [107], []], sizeBytes: 26))
        let binary: [[UInt8]] = [[13, 10], Array(0...255), [0], Array("$1\r\na\r\n".utf8)]
        #expect(parse(request(binary)) == .complete(binary, sizeBytes: request(binary).count))
    }

    @Test(arguments: sampleRequests)
    func whatFollowsARequestIsLeftAlone(bytes: [UInt8]) {
        let alone = parse(bytes)
        for tail in ["*", "x", "\r\n", "*1\r\n$4\r\nPING\r\n"] { #expect(parse(bytes + Array(tail.utf8)) == alone) }
    }

    /// Goal: a cut request is never taken, refused or waited for in vain.
    @Test(arguments: sampleRequests)
    func everyCutIsIncompleteAndAsksForNoMoreThanThereIs(bytes: [UInt8]) {
        for cut in 1..<bytes.count {
            guard case .incomplete(let sizeBytesMin) = parse(bytes.prefix(cut)) else {
                Issue.record("cut at \(cut): \(parse(bytes.prefix(cut)))")
                continue
            }
            #expect(sizeBytesMin > cut && sizeBytesMin <= bytes.count, "cut at \(cut)")
        }
    }

    @Test func requestsWithoutArgumentsAreEmpty() {
        #expect(parse("*0\r\n".utf8) == .empty(sizeBytes: 4))
        #expect(parse("*-1\r\n*1\r\n".utf8) == .empty(sizeBytes: 5))
    }

    @Test(arguments: [
        ("*x\r\n", RequestFault.argumentCountInvalid), ("*\r\n", .argumentCountInvalid),
        ("*01\r\n", .argumentCountInvalid), ("*-2\r\n", .argumentCountInvalid), ("*1\n", .argumentCountInvalid),
        ("*2147483648\r\n", .argumentCountInvalid), ("*99999999999", .argumentCountInvalid),
        ("*1\r\nx", .bulkExpected(120)), ("*1\r\n*", .bulkExpected(42)), ("*1\r\n\r\n", .bulkExpected(13)),
        ("*2\r\n$1\r\na\r\nGET\r\n", .bulkExpected(71)), ("*1\r\n$-1\r\n", .bulkLengthInvalid),
        ("*1\r\n$\r\n", .bulkLengthInvalid), ("*1\r\n$01\r\na\r\n", .bulkLengthInvalid),
        ("*1\r\n$536870913\r\n", .bulkLengthInvalid), ("*1\r\n$+1\r\na\r\n", .bulkLengthInvalid),
        ("*1\r\n$1\r\nab\r\n", .bulkEndInvalid), ("*1\r\n$1\r\na\r\r", .bulkEndInvalid),
        ("*1\r\n$2\r\na\r\n*", .bulkEndInvalid),
    ])
    func faultsAreNamed(text: String, fault: RequestFault) { #expect(parse(text.utf8) == .malformed(fault)) }

    /// Goal: a claimed length costs nothing. Method: the longest claims that the limits allow, without their bytes.
    @Test func claimsTakeNoMemory() {
        var list = ArgumentList()
        #expect(parse("*2147483647\r\n".utf8, &list) == .incomplete(sizeBytesMin: 13 + 5))
        #expect(parse("*1\r\n$536870912\r\nab".utf8, &list) == .incomplete(sizeBytesMin: 16 + 536_870_912 + 2))
        #expect(list.capacity == 64)
    }

    @Test func limitsOfTheCallerHold() {
        var limits = ParserLimits()
        limits.argumentCountMax = 2
        limits.bulkSizeBytesMax = 3
        #expect(parse(request("GET", "abc"), limits: limits) == parse(request("GET", "abc")))
        #expect(parse(request("GET", "abcd"), limits: limits) == .malformed(.bulkLengthInvalid))
        #expect(parse(request("SET", "a", "b"), limits: limits) == .malformed(.argumentCountInvalid))
    }

    @Test(arguments: [63, 64, 65, 128, 129, 4_096, 4_097, 10_000])
    func theArgumentListGrowsWithWhatHasCome(count: Int) {
        var list = ArgumentList()
        let arguments = (0..<count).map { Array("a\($0)".utf8) }
        let bytes = request(arguments)
        #expect(parse(bytes, &list) == .complete(arguments, sizeBytes: bytes.count))
        #expect(list.capacity >= count && list.capacity < max(65, 2 * count))
    }

    @Test func shrinkingGivesBackAndWorksOn() {
        var list = ArgumentList()
        let arguments = (0..<9_000).map { Array("\($0)".utf8) }
        let bytes = request(arguments)
        list.shrink()
        #expect(list.capacity == 64)
        for _ in 0..<3 {
            #expect(parse(bytes, &list) == .complete(arguments, sizeBytes: bytes.count))
            #expect(list.capacity == 16_384)
            list.shrink()
            #expect(list.capacity == 4_096)
        }
    }

    /// Goal: the front of a request shows exactly the arguments that are whole. Method: every cut.
    @Test(arguments: sampleRequests)
    func thePrefixHoldsTheWholeArguments(bytes: [UInt8]) throws {
        guard case .complete(let arguments, _) = parse(bytes) else { throw Unexpected() }
        var ends: [Int] = []
        for argument in arguments {
            ends.append((ends.last ?? "*\(arguments.count)\r\n".utf8.count) + request([argument]).count - 4)
        }
        var list = ArgumentList()
        for cut in 1...bytes.count {
            let count = min(ends.count { $0 <= cut }, list.capacity)
            let prefix = RequestParser.parsePrefix(
                guarded.place(bytes.prefix(cut)), count: cut, arguments: &list)
            #expect(prefix.map { $0.view.argumentBytes } == (count == 0 ? nil : Array(arguments.prefix(count))))
            #expect(prefix.map { $0.announcedCount } == (count == 0 ? nil : arguments.count))
            #expect(prefix.map { $0.view.sizeBytes } == (count == 0 ? nil : ends[count - 1]))
        }
    }

    @Test(arguments: [
        "*", "*0\r\n", "*-1\r\n$1\r\na\r\n", "*x", "*2\r\n", "*1\r\nx", "*1\r\n$-1\r\n", "*1\r\n$9999999999\r\na",
    ])
    func thereIsNoPrefixWithoutAnArgument(text: String) {
        var list = ArgumentList()
        #expect(
            RequestParser.parsePrefix(guarded.place(text.utf8), count: text.utf8.count, arguments: &list) == nil)
    }

    private struct Unexpected: Error {}
}
