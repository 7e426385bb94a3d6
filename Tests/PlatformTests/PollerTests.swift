import Glibc
import TestKit
import Testing

@testable import Platform

struct PollerTests {
    private func ready(_ poller: borrowing Poller, timeoutMs: Int? = 0) -> [UInt64: Readiness] {
        let count = poller.wait(timeoutMs: timeoutMs)
        return Dictionary(
            uniqueKeysWithValues: (0..<count).map { (poller.readiness(at: $0).tag, poller.readiness(at: $0)) })
    }

    @Test func nothingIsReadyWhereNothingCame() throws {
        let poller = try Poller()
        #expect(ready(poller).isEmpty)
        #expect(ready(poller, timeoutMs: 3).isEmpty)
        let connection = try Connection()
        try poller.watch(connection.far, .read, tag: 1)
        #expect(ready(poller).isEmpty)
    }

    @Test func aWaitToTheNanosecondIsNeverShort() throws {
        let poller = try Poller()
        let startNs = Clock.nowNs()
        #expect(poller.wait(timeoutNs: 1_234_567) == 0)
        #expect(Clock.nowNs() - startNs >= 1_234_567)
        let connection = try Connection()
        try poller.watch(connection.far, .read, tag: 7)
        _ = send(connection.near, [1])
        #expect(poller.wait(timeoutNs: 20_000_000_000) == 1 && poller.readiness(at: 0).tag == 7)
        #expect(poller.wait(timeoutNs: 0) == 1)
    }

    @Test func whatIsNotServedIsReportedAgain() throws {
        let poller = try Poller()
        let connection = try Connection()
        try poller.watch(connection.far, .read, tag: .max)
        _ = send(connection.near, [1])
        #expect(ready(poller, timeoutMs: 20_000).keys.first == .max)
        #expect(ready(poller)[.max]?.isReadable == true)
        #expect(ready(poller)[.max]?.isWritable == false)
        _ = receive(connection.far)
        #expect(ready(poller).isEmpty)
    }

    @Test func interestCanChange() throws {
        let poller = try Poller()
        let connection = try Connection()
        try poller.watch(connection.far, [], tag: 1)
        _ = send(connection.near, [1])
        #expect(Socket.wait(connection.far, until: .readable, deadlineNs: soonNs()))
        #expect(ready(poller).isEmpty)
        poller.change(connection.far, [.read, .write], tag: 2)
        let both = try #require(ready(poller)[2])
        #expect(both.isReadable && both.isWritable && !both.isBroken)
        poller.change(connection.far, .write, tag: 3)
        #expect(ready(poller)[3]?.isReadable == false)
        poller.forget(connection.far)
        #expect(ready(poller).isEmpty)
        try poller.watch(connection.far, .read, tag: 4)
        #expect(ready(poller)[4]?.isReadable == true)
    }

    @Test func theEndOfThePeerIsReadableAndABrokenConnectionIsReportedWithoutInterest() throws {
        let poller = try Poller()
        let connection = try Connection()
        try poller.watch(connection.near, .read, tag: 1)
        shutdown(connection.far, Int32(SHUT_WR))
        let ended = try #require(ready(poller, timeoutMs: 20_000)[1])
        #expect(ended.isReadable && !ended.isBroken)
        poller.change(connection.near, [], tag: 1)
        #expect(ready(poller).isEmpty)
        shutdown(connection.near, Int32(SHUT_WR))
        #expect(ready(poller, timeoutMs: 20_000)[1]?.isBroken == true)
    }

    @Test func aRefusedConnectionWakesItsWriter() throws {
        let poller = try Poller()
        let listener = try Socket.listen(on: loopback(), backlog: 1, sharesPort: false)
        let address = try #require(Socket.localAddress(of: listener))
        Socket.close(listener)
        guard let descriptor = try? Socket.connect(to: address) else { return }
        defer { Socket.close(descriptor) }
        try poller.watch(descriptor, .write, tag: 5)
        let readiness = try #require(ready(poller, timeoutMs: 20_000)[5])
        #expect(readiness.isBroken && readiness.isWritable)
    }

    @Test func moreThanOneBatchIsServedInTurns() throws {
        let poller = try Poller()
        let wakeups = try (0..<700).map { _ in try Wakeup() }
        for (index, wakeup) in wakeups.enumerated() {
            try poller.watch(wakeup.descriptor, .read, tag: UInt64(index))
            wakeup.signal()
        }
        var seen: Set<UInt64> = []
        for _ in 0..<4 {
            for tag in ready(poller).keys {
                #expect(seen.insert(tag).inserted)
                wakeups[Int(tag)].clear()
            }
        }
        #expect(seen.count == 700)
    }

    @Test func watchingTwiceOrNothingIsAnError() throws {
        let poller = try Poller()
        let wakeup = try Wakeup()
        try poller.watch(wakeup.descriptor, .read, tag: 1)
        #expect(throws: SystemError.self) { try poller.watch(wakeup.descriptor, .read, tag: 2) }
        #expect(throws: SystemError.self) { try poller.watch(1_000_000, .read, tag: 2) }
        poller.forget(1_000_000)
    }

    @Test func changingWhatIsNotWatchedIsABug() async {
        await #expect(processExitsWith: .failure) {
            let poller = try Poller()
            poller.change(0, .read, tag: 1)
        }
    }
}
