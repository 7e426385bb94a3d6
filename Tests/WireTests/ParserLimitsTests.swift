import Testing

@testable import Wire

struct ParserLimitsTests {
    @Test func defaultsAreThoseOfValkey() {
        let limits = ParserLimits()
        #expect(limits.inlineSizeBytesMax == 64 * 1_024)
        #expect(limits.argumentCountMax == 2_147_483_647)
        #expect(limits.bulkSizeBytesMax == 512 * 1_024 * 1_024)
        #expect(limits.requestSizeBytesMax == 1_024 * 1_024 * 1_024)
        #expect(ParserLimits.argumentCountMaxUnauthenticated == 10)
        #expect(ParserLimits.bulkSizeBytesMaxUnauthenticated == 16_384)
    }

    @Test(arguments: [
        (RequestFault.inlineTooLong, "too big inline request"),
        (.unbalancedQuotes, "unbalanced quotes in request"),
        (.argumentCountTooLong, "too big mbulk count string"),
        (.argumentCountInvalid, "invalid multibulk length"),
        (.argumentCountUnauthenticated, "unauthenticated multibulk length"),
        (.bulkExpected(120), "expected '$', got 'x'"),
        (.bulkExpected(13), "expected '$', got ' '"),
        (.bulkExpected(0), "expected '$', got ' '"),
        (.bulkExpected(127), "expected '$', got ' '"),
        (.bulkExpected(255), "expected '$', got ' '"),
        (.bulkLengthTooLong, "too big bulk count string"),
        (.bulkLengthInvalid, "invalid bulk length"),
        (.bulkLengthUnauthenticated, "unauthenticated bulk length"),
        (.bulkEndInvalid, "an argument does not end in CR LF"),
    ])
    func faultsSpeakAsValkeyDoes(fault: RequestFault, words: String) {
        #expect(fault.text == "Protocol error: \(words)")
    }

    @Test func aLimitOfTheConfigIsNamedWithItsNumber() {
        let text = RequestFault.requestTooLong(limitBytes: 1_048_576).text
        #expect(text.contains("client_query_buffer_limit (1048576 bytes)"))
    }

    /// An error reply is one line of printable text, whatever byte the client sent.
    @Test func everyFaultIsOnePrintableLine() {
        for byte in UInt8.min...UInt8.max {
            #expect(RequestFault.bulkExpected(byte).text.utf8.allSatisfy { (32...126).contains($0) })
        }
    }
}
