// PhaseControl: what the threads of one phase and the one who runs it share. Times and the stage go one way, counts and
// news the other; nothing here is touched for a request, but for the claims of a run that ends by count.
// Not here: deciding (Phase), acting (LoadThread).

import Platform
import Synchronization

final class PhaseControl: Sendable {
    enum Stage: UInt8 {
        case connecting, filling, running, ended
    }

    /// How far one thread has come.
    struct Progress: Sendable {
        /// Its connections have all been tried.
        var hasArrived = false
        var hasFilled = false
        var hasEnded = false
        var readyCount = 0

        // Pub/sub
        var hasPublished = false
        var expectedDeliveryCount: UInt64 = 0
        var deliveryCount: UInt64 = 0
    }

    /// Counts of one thread over one step of the timeline.
    struct Handover: Sendable {
        /// Nil: before the window.
        let stepIndex: Int?
        var tally: Tally
    }

    private struct Exchange {
        var full: [Handover] = []
        var spare: [Tally] = []
        var progress: [Progress]
    }

    let bell: Bell
    let names: [String]
    private let wakeups: [Wakeup]
    private let stageNumber = Atomic<UInt8>(Stage.connecting.rawValue)
    private let startTimeNs = Atomic<UInt64>(.max)
    private let windowStart = Atomic<UInt64>(.max)
    private let windowEnd = Atomic<UInt64>(.max)
    /// Operations of the window that nobody has taken on yet.
    private let claimsLeft: Atomic<Int>
    private let isCounted: Bool
    private let exchange: Mutex<Exchange>

    /// - Parameter requestCount: how many operations the window has; nil for as many as time allows.
    init(threadCount: Int, names: [String], requestCount: Int?, bell: Bell) throws(SystemError) {
        self.bell = bell
        self.names = names
        var wakeups: [Wakeup] = []
        for _ in 0..<threadCount { wakeups.append(try Wakeup()) }
        self.wakeups = wakeups
        claimsLeft = Atomic(requestCount ?? .max)
        isCounted = requestCount != nil
        exchange = Mutex(Exchange(progress: Array(repeating: Progress(), count: threadCount)))
    }

    // MARK: Towards the threads

    func wakeup(of threadIndex: Int) -> Wakeup { wakeups[threadIndex] }

    @inline(__always)
    var stage: Stage { Stage(rawValue: stageNumber.load(ordering: .acquiring))! }

    func enter(_ stage: Stage) {
        stageNumber.store(stage.rawValue, ordering: .releasing)
        for wakeup in wakeups { wakeup.signal() }
    }

    /// The load runs from `startNs` on and counts from `windowStartNs` up to `windowEndNs`.
    func run(startNs: UInt64, windowStartNs: UInt64, windowEndNs: UInt64) {
        startTimeNs.store(startNs, ordering: .relaxed)
        windowStart.store(windowStartNs, ordering: .relaxed)
        windowEnd.store(windowEndNs, ordering: .relaxed)
        enter(.running)
    }

    /// The window ends now, if it has not ended.
    func cutShort(nowNs: UInt64) {
        if nowNs < windowEnd.load(ordering: .relaxed) { windowEnd.store(nowNs, ordering: .relaxed) }
        for wakeup in wakeups { wakeup.signal() }
    }

    var startNs: UInt64 { startTimeNs.load(ordering: .relaxed) }
    var windowStartNs: UInt64 { windowStart.load(ordering: .relaxed) }
    @inline(__always) var windowEndNs: UInt64 { windowEnd.load(ordering: .relaxed) }

    /// Takes on up to `count` operations of the window.
    @inline(__always)
    func claim(_ count: Int) -> Int { isCounted ? claimCounted(count) : count }

    private func claimCounted(_ count: Int) -> Int {
        // Once it is below zero everybody gets nothing; it cannot run around.
        if claimsLeft.load(ordering: .relaxed) <= 0 { return 0 }
        let before = claimsLeft.subtract(count, ordering: .relaxed).oldValue
        return max(0, min(count, before))
    }

    var hasClaims: Bool { !isCounted || claimsLeft.load(ordering: .relaxed) > 0 }

    // MARK: From the threads

    func report(_ threadIndex: Int, _ change: (inout Progress) -> Void) {
        exchange.withLock { change(&$0.progress[threadIndex]) }
        bell.ring()
    }

    /// The same for what nobody needs to be told.
    func note(_ threadIndex: Int, _ change: (inout Progress) -> Void) {
        exchange.withLock { change(&$0.progress[threadIndex]) }
    }

    /// Every thread has published all, and every message has come to its subscribers.
    var isAllDelivered: Bool {
        let progress = progress
        guard progress.allSatisfy({ $0.hasPublished || $0.hasEnded }) else { return false }
        let missing = progress.reduce(0) { $0 &+ Int($1.expectedDeliveryCount) &- Int($1.deliveryCount) }
        return missing <= 0
    }

    var progress: [Progress] { exchange.withLock { $0.progress } }

    /// Hands a tally over.
    ///
    /// - Returns: an empty one.
    func hand(over tally: Tally, stepIndex: Int?) -> Tally {
        let spare = exchange.withLock { exchange -> Tally? in
            exchange.full.append(Handover(stepIndex: stepIndex, tally: tally))
            return exchange.spare.popLast()
        }
        return spare ?? Tally(names: names)
    }

    /// All that was handed over since the last call.
    func collect() -> [Handover] {
        exchange.withLock { exchange in
            defer { exchange.full = [] }
            return exchange.full
        }
    }

    /// Gives back what was added up, to be used again.
    func giveBack(_ tally: consuming Tally) {
        tally.reset()
        exchange.withLock { [tally] in $0.spare.append(tally) }
    }
}
