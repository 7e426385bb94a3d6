import TestKit
import Testing

@testable import Upstream

struct SentMarksTests {
    @Test func aReplyIsOfTheSendThatEndedItsRequest() {
        var marks = SentMarks()
        defer { marks.deallocate() }
        marks.sent(sizeBytes: 30, atUs: 100)
        marks.sent(sizeBytes: 15, atUs: 200)
        #expect(marks.answered(sizeBytes: 20) == 100)
        #expect(marks.answered(sizeBytes: 10) == 100)
        #expect(marks.answered(sizeBytes: 10) == 200)
        marks.sent(sizeBytes: 5, atUs: 300)
        #expect(marks.answered(sizeBytes: 10) == 300)
    }

    @Test func aNewConnectionKnowsNothingOfTheOldOne() {
        var marks = SentMarks()
        defer { marks.deallocate() }
        marks.sent(sizeBytes: 30, atUs: 100)
        marks.forget()
        marks.sent(sizeBytes: 4, atUs: 900)
        #expect(marks.answered(sizeBytes: 4) == 900)
    }

    /// Goal: however many sends a silent server has, no reply is told of a send that came after its own.
    /// Method: random sends and replies against a model that keeps every send.
    @Test func marksThatRunOutGrowCoarserAndNeverTooLate() {
        var random = SeededRandom.announced()
        var marks = SentMarks()
        defer { marks.deallocate() }
        var sends: [(endBytes: Int, atUs: UInt32)] = []
        var (sentBytes, answeredBytes) = (0, 0)
        for atUs in UInt32(1)...5_000 {
            let sizeBytes = Int.random(in: 1...50, using: &random)
            sentBytes += sizeBytes
            marks.sent(sizeBytes: sizeBytes, atUs: atUs)
            sends.append((sentBytes, atUs))
            while Bool.random(using: &random), answeredBytes + 40 < sentBytes, atUs > 3_000 || atUs < 500 {
                answeredBytes += 40
                let told = marks.answered(sizeBytes: 40)
                let own = sends.first { $0.endBytes >= answeredBytes }!.atUs
                #expect(told <= own && own - told <= max(1, (atUs - told) / 8), "\(told) for \(own) at \(atUs)")
            }
        }
    }
}
