import Glibc
import TestKit
import Testing

@testable import Platform

struct SocketDeadlineTests {
    private func inNs(milliseconds: UInt64) -> UInt64 { Clock.nowNs() + milliseconds * 1_000_000 }

    @Test func waitingEndsAtTheDeadlineAndNotBefore() throws {
        let connection = try Connection()
        for milliseconds in [UInt64(0), 1, 20] {
            let deadlineNs = inNs(milliseconds: milliseconds)
            #expect(!Socket.wait(connection.far, until: .readable, deadlineNs: deadlineNs))
            #expect(Clock.nowNs() >= deadlineNs)
        }
        #expect(!Socket.wait(connection.far, until: .readable, deadlineNs: 0))
        #expect(Socket.wait(connection.far, until: .writable, deadlineNs: 0))
    }

    @Test func receivingTellsSilenceFromTheEnd() throws {
        let connection = try Connection()
        #expect(Socket.receive(connection.far, countMax: 9, deadlineNs: inNs(milliseconds: 5)) == nil)
        connection.closeNear()
        #expect(Socket.receive(connection.far, countMax: 9, deadlineNs: soonNs()) == [])
    }

    @Test func sendingGivesUpOnAPeerThatDoesNotRead() throws {
        let connection = try Connection()
        let bytes = [UInt8](repeating: 1, count: 64 << 20)
        #expect(!Socket.send(connection.near, all: bytes, deadlineNs: inNs(milliseconds: 20)))
        #expect(Socket.send(connection.far, all: [], deadlineNs: 0))
    }

    @Test func aLongMessageArrivesWhole() throws {
        let connection = try Connection()
        let bytes = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let near = connection.near
        let sender = BackgroundWork(1) { _ in
            let isSent = Socket.send(near, all: bytes, deadlineNs: soonNs())
            shutdown(near, Int32(SHUT_WR))
            return isSent
        }
        #expect(receiveAll(connection.far) == bytes)
        #expect(try sender.results() == [true])
    }

    @Test func aListenerThatStopsWakesItsThread() throws {
        let listener = try Socket.listen(on: loopback(), backlog: 1, sharesPort: false)
        let waiter = BackgroundWork(1) { _ in Socket.wait(listener, until: .readable, deadlineNs: soonNs()) }
        Socket.stopListening(listener)
        #expect(try waiter.results() == [true])
        guard case .nobody = Socket.accept(listener) else { throw NobodyCame() }
        Socket.close(listener)
    }
}
