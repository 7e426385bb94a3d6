import Glibc
import Synchronization
import TestKit
import Testing

@testable import Platform

struct WorkerThreadTests {
    private func nameSeen(inThreadCalled name: String) throws -> String {
        let seen = Mutex("")
        try runInThread(name) {
            var bytes = [UInt8](repeating: 0, count: 64)
            let file = open("/proc/thread-self/comm", O_RDONLY)
            let count = read(file, &bytes, bytes.count)
            close(file)
            // The kernel ends the name with a line feed.
            seen.withLock { $0 = String(decoding: bytes.prefix(count - 1), as: UTF8.self) }
        }
        return seen.withLock { $0 }
    }

    private func runInThread(_ name: String, _ body: @Sendable () -> Void) throws {
        try withoutActuallyEscaping(body) { body in
            WorkerThread.join(try WorkerThread.start(name: name, run: body))
        }
    }

    @Test func theThreadBearsItsNameCutAtFifteenBytes() throws {
        #expect(try nameSeen(inThreadCalled: "keyway-1") == "keyway-1")
        #expect(try nameSeen(inThreadCalled: "123456789012345678") == "123456789012345")
        #expect(try nameSeen(inThreadCalled: "") == "")
    }

    @Test func joinWaitsForTheEnd() throws {
        let tally = Tally()
        let threads = try (0..<8).map { index in
            try WorkerThread.start(name: "w\(index)") { for _ in 0..<1_000 { tally.add() } }
        }
        for thread in threads { WorkerThread.join(thread) }
        #expect(tally.value == 8_000)
    }

    @Test func whatTheThreadHeldIsReleased() throws {
        final class Held: Sendable {}
        var held: Held? = Held()
        weak let left = held
        WorkerThread.join(try WorkerThread.start(name: "holder") { [held] in withExtendedLifetime(held) {} })
        held = nil
        #expect(left == nil)
    }

    @Test func theSystemSaysHowManyCoresThereAre() {
        #expect(WorkerThread.coreCount >= 1)
        #expect(WorkerThread.coreCount <= sysconf(Int32(_SC_NPROCESSORS_CONF)))
    }

    @Test func theDescriptorLimitIsRaisedToTheHardOne() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 64
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            precondition(WorkerThread.raiseDescriptorLimit() == Int(clamping: limit.rlim_max))
        }
    }
}
