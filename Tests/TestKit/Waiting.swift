// Waiting: for an event with a deadline, for many threads, and for nothing else.
// A test never sleeps for a while and hopes; it asks again until the answer is there or the deadline passed.

import Foundation
import Glibc
import Synchronization

package struct DeadlinePassed: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Seconds on a clock that never goes back.
package func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// Asks `condition` every few milliseconds until it is true.
///
/// - Throws: `DeadlinePassed` with `what`, or the first error of `condition`.
package func eventually(_ what: String, withinSeconds: Double = 15, _ condition: () throws -> Bool) throws {
    let deadline = monotonicSeconds() + withinSeconds
    while try !condition() {
        guard monotonicSeconds() < deadline else {
            throw DeadlinePassed("not within \(withinSeconds) s: \(what)")
        }
        usleep(3000)
    }
}

/// Work on threads of its own, where blocking is fine.
package final class BackgroundWork<Value: Sendable>: Sendable {
    private let count: Int
    private let outcomes = Mutex<[Int: Result<Value, any Error>]>([:])
    private let ended = DispatchSemaphore(value: 0)

    /// Starts `body` on `count` threads.
    package init(_ count: Int, _ body: @escaping @Sendable (_ index: Int) throws -> Value) {
        self.count = count
        for index in 0..<count {
            let thread = Thread { [self] in
                let outcome = Result<Value, any Error> { try body(index) }
                outcomes.withLock { $0[index] = outcome }
                ended.signal()
            }
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    /// True once one of the threads has failed.
    package var hasFailed: Bool {
        outcomes.withLock { outcomes in
            outcomes.values.contains { if case .failure = $0 { true } else { false } }
        }
    }

    /// Waits for all; to be called once.
    ///
    /// - Throws: the error of the lowest index that failed, after all have ended.
    package func results() throws -> [Value] {
        for _ in 0..<count { ended.wait() }
        let byIndex = outcomes.withLock { $0 }
        return try (0..<count).map { try byIndex[$0]!.get() }
    }
}

/// Runs `body` on `count` threads and waits for all.
package func concurrently<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (_ index: Int) throws -> Value
) throws -> [Value] {
    try BackgroundWork(count, body).results()
}

/// A flag that one thread raises and others read.
package final class Flag: Sendable {
    private let raised = Atomic<Bool>(false)
    package init() {}
    package var isRaised: Bool { raised.load(ordering: .acquiring) }
    package func raise() { raised.store(true, ordering: .releasing) }
}

/// A number that many threads add to.
package final class Tally: Sendable {
    private let number = Atomic<Int>(0)
    package init() {}
    package var value: Int { number.load(ordering: .relaxed) }
    package func add(_ amount: Int = 1) { number.add(amount, ordering: .relaxed) }
}

/// One line to standard error, which a test run does not swallow.
package func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = Glibc.write(2, bytes, bytes.count)
}
