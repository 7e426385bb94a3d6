import Glibc
import Histogram
import Platform
import Synchronization
import TestKit
import Testing

@testable import keyway_bench

/// The load against servers that misbehave.
struct PhaseTests {
    // MARK: Replies however they come

    /// Goal: what is counted does not depend on where the kernel cut the stream.
    /// Method: replies of all kinds, one byte a read; a whole value must be seen by --verify's judge.
    @Test(arguments: [1, 7])
    func repliesMayBeCutAtEveryByte(_ pipeline: Int) throws {
        let server = try FakeServer { conversation in
            var count = 0
            while true {
                _ = try conversation.request()
                let long = String(repeating: "v", count: 300)
                let replies = ["$5\r\nvalue\r\n", "$-1\r\n", "-ERR some words\r\n", "$300\r\n\(long)\r\n"]
                try conversation.send(pieces: replies[count % 4].utf8.map { [$0] })
                count += 1
            }
        }
        let result = try PhaseRig.run(server) { $0.pipeline = pipeline }
        #expect(result.requestCount == 40)
        #expect(result.operations.map(\.missCount) == [10] && result.operations.map(\.errorCount) == [10])
        #expect(result.errors.map(\.kind) == ["ERR"] && result.example("ERR") == "ERR some words")
        #expect(result.unansweredCount == 0 && !result.isCutShort)
    }

    /// Method: the replies of a whole pipeline in two pieces, cut at every place in turn.
    @Test func aPipelineMayBeCutAnywhere() throws {
        let replies = Array("$5\r\nvalue\r\n$-1\r\n-LOADING x\r\n$0\r\n\r\n".utf8)
        let server = try FakeServer { conversation in
            var cut = 1
            while true {
                for _ in 0..<4 { _ = try conversation.request() }
                try conversation.send(pieces: [Array(replies[..<cut]), Array(replies[cut...])])
                cut = cut + 1 == replies.count ? 1 : cut + 1
            }
        }
        let batchCount = 2 * replies.count
        let result = try PhaseRig.run(server) {
            $0.pipeline = 4
            $0.window = .requests(4 * batchCount)
        }
        #expect(result.requestCount == UInt64(4 * batchCount))
        #expect(result.errorCount("LOADING") == UInt64(batchCount) && result.errors.count == 1)
        #expect(result.operations[0].missCount == UInt64(batchCount))
    }

    @Test func aReplyMayBeLongerThanWhatOneReceiveTakes() throws {
        let server = try FakeServer { conversation in
            let value = String(repeating: "v", count: 1_000_000)
            while true {
                _ = try conversation.request()
                try conversation.send("$1000000\r\n\(value)\r\n")
            }
        }
        let result = try PhaseRig.run(server) { $0.pipeline = 2 }
        #expect(result.requestCount == 40 && result.errorCount == 0)
        #expect(result.receivedBytes <= 40 * 1_000_012)
    }

    @Test func pushesAreNoReplies() throws {
        let server = try FakeServer { conversation in
            conversation.greetingReplies = ["%1\r\n+server\r\n+fake\r\n", "+PONG\r\n"]
            while true {
                _ = try conversation.request()
                try conversation.send(">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n+v\r\n>1\r\n+x\r\n")
            }
        }
        let result = try PhaseRig.run(server) { $0.greeting.protocolVersion = 3 }
        #expect(result.requestCount == 40 && result.errors.isEmpty)
    }

    // MARK: Open loop

    /// Goal: no coordinated omission. One client may have one request in flight; the server holds the first back for
    /// 30 ms, while 19 more are due, 1 ms after each other.
    /// Method: request k cannot be answered before 30 ms, was due at k ms, and must say so, whatever else was slow.
    @Test func theWaitOfADueRequestIsInItsLatency() throws {
        let server = try FakeServer { conversation in
            _ = try conversation.request()
            conversation.linger(ms: 30)
            try conversation.send("+v\r\n")
            while true {
                _ = try conversation.request()
                try conversation.send("+v\r\n")
            }
        }
        let result = try PhaseRig.run(server) {
            $0.pace = .open(ratePerS: 1000, .even)
            $0.window = .requests(20)
        }
        #expect(result.requestCount == 20)
        #expect(result.latencies.maxRecorded >= 29_900_000)
        #expect(result.latencies.valueAtPercentile(50) >= 19_900_000)
        #expect(result.latencies.minNonZero >= 10_900_000)
    }

    @Test func inAClosedLoopItIsNot() throws {
        let server = try FakeServer { conversation in
            _ = try conversation.request()
            conversation.linger(ms: 30)
            try conversation.send("+v\r\n")
            while true {
                _ = try conversation.request()
                try conversation.send("+v\r\n")
            }
        }
        let result = try PhaseRig.run(server)
        #expect(result.latencies.maxRecorded >= 29_900_000)
        #expect(result.requestCount == 40 && result.lateness.totalCount == 0)
    }

    /// Method: a server that answers nothing has one request in flight for each of two clients; the rest of what was
    /// due in 100 ms at 1,000 a second was never sent.
    @Test func whatFoundNoPlaceIsUnsent() throws {
        let server = try FakeServer { conversation in
            while true { _ = try conversation.request() }
        }
        let result = try PhaseRig.run(server) {
            $0.clientCount = 2
            $0.pace = .open(ratePerS: 1000, .even)
            $0.window = .duration(ns: 100_000_000)
            $0.drainNs = 10_000_000
        }
        #expect(result.requestCount == 0 && result.unansweredCount == 2 && result.unsentCount == 98)
        #expect(result.errorCount("unanswered") == 2 && result.intendedRatePerS == 1000)
        #expect(result.durationNs == 100_000_000)
    }

    @Test(arguments: [LoadOptions.Arrivals.even, .poisson])
    func everyDueRequestIsSentOnce(_ arrivals: LoadOptions.Arrivals) throws {
        let served = Tally()
        let server = try FakeServer { conversation in
            while true {
                _ = try conversation.request()
                served.add()
                try conversation.send("+v\r\n")
            }
        }
        let result = try PhaseRig.run(server) {
            $0.clientCount = 4
            $0.threadCount = 2
            $0.pipeline = 3
            $0.pace = .open(ratePerS: 20_000, arrivals)
            $0.window = .requests(500)
        }
        #expect(result.requestCount == 500 && served.value == 500)
        #expect(result.unsentCount == 0 && result.unansweredCount == 0)
    }

    // MARK: Connections that end

    @Test func whatWasInFlightIsLostAndTheConnectionComesBack() throws {
        let server = try FakeServer { conversation in
            // The first is the probe; the second answers three of a batch of eight and goes.
            for _ in 0..<3 {
                _ = try conversation.request()
                try conversation.send("+v\r\n")
            }
            if conversation.index == 1 {
                for _ in 0..<5 { _ = try conversation.request() }
                return
            }
            while true {
                _ = try conversation.request()
                try conversation.send("+v\r\n")
            }
        }
        let result = try PhaseRig.run(server) { $0.pipeline = 8 }
        #expect(result.requestCount == 35 && result.errorCount("lost") == 5)
        #expect(result.operations[0].errorCount == 5)
        #expect(result.example("lost").contains("closed the connection"))
    }

    @Test func withoutReconnectingTheLoadEndsWithItsConnections() throws {
        let server = try FakeServer { conversation in
            _ = try conversation.request()
            try conversation.send("+v\r\n")
        }
        let result = try PhaseRig.run(server) {
            $0.clientCount = 3
            $0.reconnects = false
        }
        #expect(result.requestCount == 3)
        #expect(result.errors.map(\.kind) == ["lost"])
    }

    @Test func garbageIsAProtocolErrorAndANewConnection() throws {
        let server = try FakeServer { conversation in
            if conversation.index == 1 {
                _ = try conversation.request()
                return try conversation.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            }
            while true {
                _ = try conversation.request()
                try conversation.send("+v\r\n")
            }
        }
        let result = try PhaseRig.run(server)
        #expect(result.requestCount == 39)
        #expect(result.errorCount("protocol") == 1 && result.errorCount("lost") == 1)
        #expect(result.example("protocol").contains("HTTP/1.1 400"))
    }

    @Test func aReplyTooManyIsAProtocolError() throws {
        let server = try FakeServer { conversation in
            while true {
                _ = try conversation.request()
                try conversation.send(conversation.index == 1 ? "+v\r\n+surplus\r\n" : "+v\r\n")
            }
        }
        let result = try PhaseRig.run(server)
        #expect(result.requestCount == 40)
        #expect(result.errorCount("protocol") == 1 && result.example("protocol").contains("+surplus"))
    }

    /// Method: a random conversation partner; whatever it says, the phase ends and its sums are right.
    @Test func nothingThatAServerSaysBreaksTheLoad() throws {
        let dice = SeededRandom.announced()
        let server = try FakeServer { conversation in
            var dice = dice.stream(conversation.index)
            let signs = Array("+-:$*>%~|_#,(!=\r\n0123456789abc".utf8)
            while true {
                _ = try conversation.request()
                if dice.below(4) > 0 {
                    try conversation.send("+v\r\n")
                } else {
                    try conversation.send(pieces: (0..<dice.below(6)).map { _ in [dice.oneOf(signs)] })
                    if dice.below(3) == 0 { return }
                }
            }
        }
        let result = try PhaseRig.run(server) {
            $0.clientCount = 4
            $0.pipeline = 3
            $0.window = .duration(ns: 300_000_000)
            $0.drainNs = 50_000_000
        }
        #expect(result.latencies.totalCount == result.requestCount)
        #expect(result.operations.reduce(0) { $0 + $1.count } == result.requestCount)
        #expect(result.intervals.reduce(0) { $0 + $1.requestCount } == result.requestCount)
    }

    // MARK: Greetings

    @Test func aRefusedPasswordEndsTheRunWithTheServersWords() throws {
        let server = try FakeServer { conversation in
            conversation.greetingReplies = ["-WRONGPASS invalid password\r\n"]
            _ = try conversation.request()
        }
        let error = #expect(throws: LoadError.self) {
            try PhaseRig.run(server) { $0.greeting.password = "secret" }
        }
        let text = error?.description ?? ""
        #expect(text.contains("AUTH was refused: WRONGPASS invalid password") && text.contains("none of 1 connections"))
        #expect(!text.contains("secret"))
    }

    @Test func aServerThatNeverGreetsIsGivenUp() throws {
        let server = try FakeServer { conversation in
            _ = try conversation.anyRequest()
            conversation.linger(ms: 10_000)
        }
        let error = #expect(throws: LoadError.self) {
            try PhaseRig.run(server) { $0.connectTimeoutNs = 50_000_000 }
        }
        #expect(error?.description.contains("no answer to the greeting within 50 ms") == true)
    }

    @Test func nobodyThereIsSaidWithThePlace() throws {
        let target = Target(label: "gone", place: .unix(path: "/nonexistent/socket"))
        let error = #expect(throws: LoadError.self) { try PhaseRig.run(target) }
        #expect(error?.description.contains("gone: connect to /nonexistent/socket: No such file") == true)
    }

    // MARK: --verify

    private enum Flaw { case none, swapsReplies, forgets }

    /// A server that keeps values. With a flaw, every fifth pair of replies is swapped, or all is forgotten behind it.
    private func store(_ flaw: Flaw) throws -> FakeServer {
        let values = Mutex<[String: String]>([:])
        return try FakeServer { conversation in
            var count = 0
            while true {
                var replies: [String] = []
                for _ in 0..<2 {
                    let words = try conversation.request()
                    if words[0] == "SET" {
                        values.withLock { $0[words[1]] = words[2] }
                        replies.append("+OK\r\n")
                    } else {
                        let value = values.withLock { $0[words[1]] }
                        replies.append(value.map { "$\($0.unicodeScalars.count)\r\n\($0)\r\n" } ?? "$-1\r\n")
                    }
                }
                count += 1
                if flaw == .swapsReplies && count % 5 == 0 { replies.swapAt(0, 1) }
                if flaw == .forgets && count % 5 == 0 { values.withLock { $0 = [:] } }
                try conversation.send(replies.joined())
            }
        }
    }

    @Test func swappedRepliesAreFound() throws {
        let result = try PhaseRig.run(try store(.swapsReplies), mix: "get=1,set=1") {
            $0.isVerified = true
            $0.pipeline = 2
            $0.window = .requests(2000)
        }
        #expect(result.errorCount("wrong") > 0 && !result.example("wrong").isEmpty)
        #expect(result.requestCount == 2000 && result.verifiedCount == 2000)
    }

    @Test func forgottenValuesAreMissing() throws {
        let result = try PhaseRig.run(try store(.forgets), mix: "get=1,set=1") {
            $0.isVerified = true
            $0.pipeline = 2
            $0.window = .requests(2000)
        }
        #expect(result.errors.map(\.kind) == ["missing"])
        #expect(result.example("missing").contains("got nil"))
    }

    @Test func aRightServerIsNeverCalledWrong() throws {
        let result = try PhaseRig.run(try store(.none), mix: "get=1,set=1") {
            $0.isVerified = true
            $0.fills = true
            $0.pipeline = 2
            $0.window = .requests(2000)
        }
        #expect(result.errors.isEmpty, "\(result.errors)")
        #expect(result.operations.allSatisfy { $0.missCount == 0 })
        #expect(result.complaints.isEmpty)
    }

    // MARK: The end

    @Test func anInterruptionEndsThePhaseWithWhatThereIs() throws {
        let interruption = Interruption(bell: try Bell())
        let served = Tally()
        let server = try FakeServer { conversation in
            while true {
                _ = try conversation.request()
                served.add()
                if served.value == 100 { interruption.raise() }
                try conversation.send("+v\r\n")
            }
        }
        let result = try PhaseRig.run(server, interruption: interruption) {
            $0.window = .requests(1_000_000_000)
        }
        #expect(result.isCutShort && result.requestCount >= 100)
        #expect(result.durationNs > 0 && result.errors.isEmpty)
    }

    @Test func aTraceEndsThePhase() throws {
        let folder = TemporaryFolder()
        let path = try folder.write("SET a 1\nGET a\nGET b\n", to: "trace.txt")
        let server = try FakeServer { conversation in
            while true { try conversation.send(try conversation.request()[0] == "SET" ? "+OK\r\n" : "$1\r\n1\r\n") }
        }
        let result = try PhaseRig.run(server, tracePath: path) { $0.window = .duration(ns: 60_000_000_000) }
        #expect(result.requestCount == 3 && result.operations.map(\.name) == ["set", "get"])
        #expect(result.durationNs < 60_000_000_000 && !result.isCutShort)
    }

    /// Method: MONITOR's times are 40 ms apart; at twice the speed the last command is due 40 ms after the first.
    @Test func aTraceKeepsItsTimes() throws {
        let folder = TemporaryFolder()
        let lines = ["100.000000", "100.040000", "100.080000"].map { "\($0) [0 127.0.0.1:1] \"get\" \"a\"\n" }
        let path = try folder.write(lines.joined(), to: "monitor.txt")
        let server = try FakeServer { conversation in
            while true {
                _ = try conversation.request()
                try conversation.send("$1\r\n1\r\n")
            }
        }
        let result = try PhaseRig.run(server, tracePath: path) { $0.pace = .trace(speed: 2) }
        #expect(result.requestCount == 3)
        #expect(result.durationNs >= 40_000_000)
    }
}

private typealias Tally = TestKit.Tally
