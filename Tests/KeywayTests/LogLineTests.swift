import Foundation
import Glibc
import Logging
import TestKit
import Testing

@testable import keyway

private let moment = timespec(tv_sec: 1_769_903_999, tv_nsec: 7_999_999)

@Test func aLineHasTimeLevelAndMessage() {
    #expect(
        LogLine.text(level: .notice, message: "pool p listens", time: moment)
            == "2026-01-31T23:59:59.007Z notice pool p listens\n")
}

@Test func metadataFollowsInOrder() {
    #expect(
        LogLine.text(level: .error, message: "m", metadata: ["b": "2", "a": "1"], time: moment)
            == "2026-01-31T23:59:59.007Z error m a=1 b=2\n")
}

/// Goal: a value cannot pass for another field.
@Test func aValueOfSeveralWordsIsQuoted() {
    #expect(
        LogLine.text(
            level: .info, message: "m", metadata: ["a": "x b=2", "b": "", "c": "\"\\\"", "d": "\\"], time: moment)
            == "2026-01-31T23:59:59.007Z info m a=\"x b=2\" b=\"\" c=\"\\\"\\\\\\\"\" d=\\\n")
}

/// Goal: nobody forges a second line or drives a terminal through a name that reaches the log.
@Test func aMessageStaysOneLine() {
    let text = LogLine.text(level: .info, message: "a\nb\u{1b}[2J\u{2028}c\r\n", metadata: ["k\n": "v\n"], time: moment)
    #expect(text.unicodeScalars.filter { $0 == "\n" }.count == 1 && text.hasSuffix("\n"))
    #expect(!text.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x2028 || $0.value == 0x0d })
    #expect(text.contains("a\\nb\\u{1B}[2J"))
}

@Test func aLoggerFollowsItsSinkUnlessItHasALevelOfItsOwn() throws {
    let folder = TemporaryFolder()
    let sink = try LogSink(path: folder.file("log"), level: .warning)
    let log = LogLine.logger(to: sink)
    var own = log
    own.logLevel = .critical
    own[metadataKey: "shard"] = "s1"
    log.notice("unheard")
    sink.level = .notice
    log.notice("heard")
    own.notice("too quiet")
    own.critical("loud")
    let text = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
    #expect(
        text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1)[1] } == [
            "notice heard", "critical loud shard=s1",
        ])
}
