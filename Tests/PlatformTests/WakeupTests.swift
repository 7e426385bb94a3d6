import Glibc
import TestKit
import Testing

@testable import Platform

struct WakeupTests {
    @Test func manySignalsAreOneWakeUp() throws {
        let poller = try Poller()
        let wakeup = try Wakeup()
        try poller.watch(wakeup.descriptor, .read, tag: 1)
        for _ in 0..<1_000 { wakeup.signal() }
        #expect(poller.wait(timeoutMs: 0) == 1)
        wakeup.clear()
        #expect(poller.wait(timeoutMs: 0) == 0)
        wakeup.clear()
        wakeup.signal()
        #expect(poller.wait(timeoutMs: 0) == 1)
    }

    /// Goal: no message is lost between `clear` and the next wait. Method: a counter that another thread raises.
    @Test func everyMessageIsSeen() throws {
        let poller = try Poller()
        let wakeup = try Wakeup()
        try poller.watch(wakeup.descriptor, .read, tag: 1)
        let sent = Tally()
        let sender = BackgroundWork(1) { _ in
            for _ in 0..<20_000 {
                sent.add()
                wakeup.signal()
            }
        }
        var seen = 0
        while seen < 20_000 {
            guard poller.wait(timeoutMs: 20_000) == 1 else {
                Issue.record("a wake-up was lost after \(seen) messages")
                break
            }
            wakeup.clear()
            seen = sent.value
        }
        _ = try sender.results()
    }

    @Test func theDescriptorDoesNotReachChildren() throws {
        let wakeup = try Wakeup()
        #expect(fcntl(wakeup.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
}
