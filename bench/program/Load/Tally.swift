// Tally: what one thread has counted since it last handed its counts over.
// Not here: who adds tallies up (PhaseRecord), what a thread counts when (LoadThread).

import Histogram

struct Tally: Sendable {
    /// Kinds of errors that are told apart; a peer that makes up more has them counted together.
    private static let errorKindCountMax = 60
    private static let exampleBytesMax = 300

    private(set) var operations: [OperationTally]
    private(set) var errors: [ErrorTally] = []
    /// From the moment an operation was due, with a place free for it, to its sending: how late the load itself is.
    private(set) var lateness = Latencies.latencies()
    var sentBytes: UInt64 = 0
    var receivedBytes: UInt64 = 0
    var unansweredCount: UInt64 = 0
    var unsentCount: UInt64 = 0
    /// Pub/sub: deliveries that the answered publishes must lead to.
    var expectedDeliveryCount: UInt64 = 0
    /// The last answer that counted; 0 for none.
    var lastAnswerNs: UInt64 = 0

    init(names: [String]) { operations = names.map { OperationTally(name: $0) } }

    @inline(__always)
    mutating func record(kind: Int, latencyNs: UInt64) {
        operations[kind].count &+= 1
        operations[kind].latencies.record(min(latencyNs, Latencies.highestNs))
    }

    mutating func recordLateness(ns: UInt64) { lateness.record(min(ns, Latencies.highestNs)) }

    mutating func recordMiss(kind: Int) { operations[kind].missCount &+= 1 }

    mutating func recordError(kind: Int) { operations[kind].errorCount &+= 1 }

    /// - Parameter example: asked for only when it is the first of its kind.
    mutating func add(error kind: String, count: UInt64 = 1, example: () -> String) {
        if let index = errors.firstIndex(where: { $0.kind == kind }) {
            errors[index].count += count
        } else if errors.count < Self.errorKindCountMax || kind == "other" {
            errors.append(ErrorTally(kind: kind, count: count, example: Self.printable(example())))
        } else {
            add(error: "other", count: count, example: example)
        }
    }

    mutating func add(_ other: Tally) {
        for index in operations.indices { operations[index].add(other.operations[index]) }
        for error in other.errors { add(error: error.kind, count: error.count) { error.example } }
        lateness.add(other.lateness)
        sentBytes += other.sentBytes
        receivedBytes += other.receivedBytes
        unansweredCount += other.unansweredCount
        unsentCount += other.unsentCount
        expectedDeliveryCount += other.expectedDeliveryCount
        lastAnswerNs = max(lastAnswerNs, other.lastAnswerNs)
    }

    mutating func reset() {
        for index in operations.indices { operations[index].reset() }
        errors = []
        if lateness.totalCount > 0 { lateness.reset() }
        (sentBytes, receivedBytes, unansweredCount, unsentCount) = (0, 0, 0, 0)
        (expectedDeliveryCount, lastAnswerNs) = (0, 0)
    }

    /// A peer's words may hold anything; a terminal must not obey them.
    private static func printable(_ text: String) -> String {
        String(
            text.unicodeScalars.prefix(exampleBytesMax).map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
    }
}

extension OperationTally {
    mutating func add(_ other: OperationTally) {
        guard other.count > 0 || other.missCount > 0 || other.errorCount > 0 else { return }
        count += other.count
        missCount += other.missCount
        errorCount += other.errorCount
        latencies.add(other.latencies)
    }

    mutating func reset() {
        guard count > 0 || missCount > 0 || errorCount > 0 else { return }
        (count, missCount, errorCount) = (0, 0, 0)
        latencies.reset()
    }
}
