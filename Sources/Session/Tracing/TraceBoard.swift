// TraceBoard: what all workers of one process have in common while requests are traced: the order, at most one, and
// how many lines this second may still have.
// Rule: lines are bounded for the process, whatever its workers see, and what is left out is counted.
// Not here: the workers' own part (Traces).

import Synchronization

/// Any thread may ask; nothing here is touched while nobody traces.
final class TraceBoard: Sendable {
    private struct State {
        var order: TraceOrder?
        var lastNumber = 0
        var lineCount = 0
        var leftOutCount = 0
        var second: UInt64 = 0
        var linesOfSecond = 0
    }

    static let linesPerSecondMax = 100

    private let state = Mutex(State())

    var order: TraceOrder? { state.withLock { $0.order } }

    /// Takes the place of the one before.
    func begin(_ order: TraceOrder) {
        state.withLock { state in
            state.lastNumber += 1
            state.order = order
            state.order?.number = state.lastNumber
            state.lineCount = 0
            state.leftOutCount = 0
        }
    }

    /// - Returns: how many lines there were; nil when somebody else has ended it, or replaced it.
    func end(_ order: TraceOrder) -> Int? {
        state.withLock { state in
            guard state.order?.number == order.number else { return nil }
            state.order = nil
            return state.lineCount
        }
    }

    /// - Returns: false when this second has had its lines.
    func takeLine(nowMs: UInt64) -> Bool {
        state.withLock { state in
            if nowMs / 1_000 != state.second { state.linesOfSecond = 0 }
            state.second = nowMs / 1_000
            guard state.linesOfSecond < Self.linesPerSecondMax else { return false }
            state.linesOfSecond += 1
            state.lineCount += 1
            return true
        }
    }

    func noteLeftOut(_ count: Int) { state.withLock { $0.leftOutCount += count } }

    var counts: (lines: Int, leftOut: Int) { state.withLock { ($0.lineCount, $0.leftOutCount) } }
}
