// Lines that repeat are counted instead of written, and the count is written.

import Foundation
import Logging
import TestKit
import Testing

@testable import keyway

@Suite struct LogThrottleTests {
    @Test func aFewASecondAreWrittenAndTheRestIsCounted() {
        var throttle = LogThrottle()
        let first = (0..<15).map { _ in throttle.judge("a", nowS: 7) }
        #expect(
            first == [LogThrottle.Verdict](repeating: .write, count: 10) + [.writeNotice]
                + .init(repeating: .leaveOut, count: 4))
        #expect(throttle.judge("b", nowS: 7) == .write, "another line has its own count")
        #expect(throttle.takeLeftOut(nowS: 7).isEmpty, "the second is not over")
        let told = throttle.takeLeftOut(nowS: 8)
        #expect(told.map(\.shape) == ["a"] && told.map(\.count) == [5])
        #expect(throttle.takeLeftOut(nowS: 9).isEmpty)
        #expect(throttle.judge("a", nowS: 8) == .write)
    }

    @Test func linesAreToldApartByTheirWords() {
        #expect(
            LogThrottle.shape(of: "shard 12 (1.2.3.4:5): lost") == LogThrottle.shape(of: "shard 7 (9.8.7.6:55): lost"))
        #expect(LogThrottle.shape(of: "client 1") != LogThrottle.shape(of: "shard 1"))
    }

    /// Thousands of shapes take no memory for ever, and what was left out of one is not forgotten.
    @Test func manyShapesAreForgotten() {
        var throttle = LogThrottle()
        for _ in 0..<12 { _ = throttle.judge("kept", nowS: 1) }
        for second in 2..<50 { for shape in 0..<100 { _ = throttle.judge("\(second).\(shape)", nowS: UInt64(second)) } }
        #expect(throttle.takeLeftOut(nowS: 99).map(\.count) == [2])
    }

    @Test func theSinkWritesTheCount() throws {
        let folder = TemporaryFolder()
        let sink = try LogSink(path: folder.file("log"), level: .info)
        for number in 0..<100 { sink.write(.notice, "shard \(number) is gone") }
        sink.tellLeftOut()
        let lines = try String(contentsOfFile: folder.file("log"), encoding: .utf8).split(separator: "\n")
        // A new second may begin in between: then there are as many again, and the count is told twice.
        let written = lines.count { $0.contains(" is gone") && !$0.contains("left out") }
        let told = lines.compactMap { $0.firstMatch(of: /([0-9]+) lines were left out like: shard # is gone/)?.1 }
        #expect(written + told.reduce(0) { $0 + Int($1)! } == 100, "\(lines)")
        #expect(lines.contains { $0.hasSuffix("(lines like this one are counted and left out for a moment)") })
    }

    @Test func whatIsBoundedWhereItIsMadeIsWritten() throws {
        let folder = TemporaryFolder()
        let log = LogLine.logger(to: try LogSink(path: folder.file("log"), level: .info), isThrottled: false)
        for number in 0..<100 { log.notice("trace", metadata: ["number": "\(number)"]) }
        let lines = try String(contentsOfFile: folder.file("log"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 100 && lines.allSatisfy { !$0.contains("left out") })
    }

    @Test func jsonHoldsWhatTextHolds() throws {
        let line = LogLine.json(
            level: .error, message: "a \"b\" \\ \n\u{1b}\u{85}é", metadata: ["key": "v\t"],
            time: timespec(tv_sec: 0, tv_nsec: 7_000_000))
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
        #expect(
            object == [
                "time": "1970-01-01T00:00:00.007Z", "level": "error", "message": "a \"b\" \\ \n\u{1b}\u{85}é",
                "key": "v\t",
            ])
        #expect(line.utf8.allSatisfy { $0 >= 0x20 || $0 == 10 } && line.hasSuffix("}\n"))
        let folder = TemporaryFolder()
        let sink = try LogSink(path: folder.file("log"), level: .info)
        sink.isJSON = true
        LogLine.logger(to: sink).notice("hello", metadata: ["n": "1"])
        let text = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(text.contains(#""level":"notice","message":"hello","n":"1"}"#), "\(text)")
    }
}
