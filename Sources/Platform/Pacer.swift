// Pacer: what the loop does before it polls again, so that requests share sends and wake-ups: nothing, let others run
// first, or nap. Pure: numbers of the last ticks in, a pause out. Three rules:
//
// - An idle loop never pauses, so one client alone never waits.
// - A nap of more than 50 us, and more than a quarter of what requests wait for their replies anyhow, must move at
//   least 3 % more bytes than the next shorter one: what nobody gains from costs nobody time.
// - Apart from that, which pause serves best is found by trying, because it depends on what the pacer cannot see (how
//   many clients wait, what else runs on the cores). Best is: most bytes a second, and of two that move the same, the
//   one that takes less of this thread's time; a percent of bytes counts as much as two percent of time.
//
// A trial compares the pause in use with another, in windows that take turns, so that a change of load hits both. It
// ends as soon as the difference is clear. When no other pause won, the next trials come more and more seldom, until
// the load changes.
//
//     | in use | other | in use | other | ... at most 16 of each | ─► keep or move ─► rest ─► one further away
//
// Not here: the pause itself (Clock), when to call it (the worker).

import Glibc

/// What the config asks for.
package enum Pacing: Equatable, Sendable {
    case off
    case auto
    case fixed(microseconds: Int)
}

package enum Pause: Equatable, Sendable {
    case none
    /// Whoever else wants this core goes first.
    case yield
    case nap(microseconds: Int)

    fileprivate var napUs: Int {
        if case .nap(let microseconds) = self { microseconds } else { 0 }
    }
}

package struct Pacer {
    /// Averages are kept in 1/16 so that small numbers keep their fraction.
    private static let scale = 16
    /// Below this many events a tick the loop counts as idle, unless there are so many in 50 us that no single client
    /// can be behind them: a loop stays busy in the windows in which it tries to do without a nap.
    private static let eventsMin = 3
    private static let eventsWithinMin = 6
    private static let eventsWithinNs = 50_000
    /// A wait for the next event counts as no longer than this, so that it is soon forgotten.
    private static let tickNsMax: UInt64 = 1_000_000
    /// Above this many bytes a tick there is no waiting for more.
    private static let bytesMax = 262_144

    /// What `auto` chooses from, and the one it begins with: it saves the most sends for the least delay.
    package static let pauses: [Pause] =
        [.none, .yield] + [20, 50, 100, 200, 400, 800].map { .nap(microseconds: $0) }
    private static let firstPause = 3
    /// A nap up to here, or up to one in so many parts of the requests' wait, is short.
    private static let shortUs = 50
    private static let waitShare = 4
    /// The first third of a window is not counted: what it moves was begun under the pause before.
    private static let settlingNs: UInt64 = 4_000_000
    private static let countingNs: UInt64 = 8_000_000

    private let pacing: Pacing
    private var eventsAverage = 0
    private var bytesAverage = 0
    private var tickAverageNs = Int(tickNsMax)

    private var inUse = firstPause
    private var trial: Trial?
    /// Index into `Trial.distances` of the trial that comes next.
    private var nextDistance = 0
    private var direction = 1
    private var restWindows = 0
    private var restWindowsNext = restWindowsFirst
    private static let restWindowsFirst = 32
    private static let restWindowsMax = 256
    /// One window may differ by chance; so many mean another load.
    private static let changedWindowsMax = 4

    private var isCounting = false
    private var leftNs = settlingNs
    private var window = Served()
    /// Nanoseconds that a request waits for its reply, as an average over windows; 0 before the first.
    private var waitNs: UInt64 = 0
    /// Bytes a nanosecond, and the requests' wait, when the rest began.
    private var restingRate = 0.0
    private var restingWaitNs: UInt64 = 0
    /// For how many windows the load has been another than then.
    private var changedWindows = 0

    package init(_ pacing: Pacing) { self.pacing = pacing }

    /// What the last tick came to.
    package struct Tick {
        /// Ready sockets that were served.
        package var events: Int
        /// Bytes that were received.
        package var sizeBytes: Int
        /// Replies that came for clients.
        package var replies: Int
        /// From the end of the tick before to the end of this one, pauses counted.
        package var timeNs: UInt64

        package init(events: Int, sizeBytes: Int, replies: Int, timeNs: UInt64) {
            self.events = events
            self.sizeBytes = sizeBytes
            self.replies = replies
            self.timeNs = timeNs
        }
    }

    /// One tick is over.
    ///
    /// - Returns: whether `mark` is to be called now, about every 5 ms of a busy loop.
    package mutating func record(_ tick: Tick) -> Bool {
        eventsAverage += tick.events * Self.scale / 8 - eventsAverage / 8
        bytesAverage += tick.sizeBytes / 8 - bytesAverage / 8
        tickAverageNs += Int(min(tick.timeNs, Self.tickNsMax)) / 8 - tickAverageNs / 8
        guard pacing == .auto else { return false }
        guard isBusy else {
            forgetTrials()
            return false
        }
        if isCounting { window.add(tick) }
        guard tick.timeNs >= leftNs else {
            leftNs -= tick.timeNs
            return false
        }
        return true
    }

    /// A part of a window is over.
    ///
    /// - Parameters:
    ///   - cpuNs: CPU time of this thread so far.
    ///   - unansweredCount: requests that wait for their replies at this moment.
    package mutating func mark(cpuNs: UInt64, unansweredCount: Int) {
        if isCounting {
            window.cpuNs = cpuNs &- window.cpuNs
            if window.replies > 0 {
                let waitNs = window.timeNs / UInt64(window.replies) &* UInt64(unansweredCount)
                self.waitNs = self.waitNs == 0 ? waitNs : (self.waitNs &* 7 &+ waitNs) / 8
            }
            endWindow()
            leftNs = Self.settlingNs
        } else {
            window = Served(cpuNs: cpuNs)
            leftNs = Self.countingNs
        }
        isCounting.toggle()
    }

    private mutating func endWindow() {
        guard var trial else { return rest() }
        let verdict = trial.add(window, isShort: isShort(max(trial.other, inUse)))
        self.trial = trial
        switch verdict {
        case .undecided: return
        case .better:
            direction = trial.other > inUse ? 1 : -1
            inUse = trial.other
            nextDistance = 0
            restWindowsNext = Self.restWindowsFirst
        case .notBetter: nextDistance += 1
        }
        beginTrial()
    }

    /// Takes up the next distance that leads anywhere; with none left it rests.
    private mutating func beginTrial() {
        trial = nil
        while nextDistance < Trial.distances.count {
            let other = inUse + Trial.distances[nextDistance] * direction
            if Self.pauses.indices.contains(other) {
                trial = Trial(inUse: inUse, other: other)
                return
            }
            nextDistance += 1
        }
        beginRest()
    }

    private mutating func beginRest() {
        trial = nil
        nextDistance = 0
        restWindows = restWindowsNext
        restWindowsNext = min(restWindowsNext * 2, Self.restWindowsMax)
        restingRate = 0
        changedWindows = 0
    }

    /// What comes after an idle time may be another load. It begins where no load fares badly: some climb out of no nap
    /// only slowly, because a short window of naps shows little of what naps bring them.
    private mutating func forgetTrials() {
        inUse = Self.firstPause
        trial = nil
        nextDistance = 0
        restWindows = 0
        restWindowsNext = Self.restWindowsFirst
    }

    private mutating func rest() {
        if restingRate == 0 {
            restingRate = window.rate
            restingWaitNs = waitNs
        }
        let isChanged =
            abs(window.rate - restingRate) > restingRate / 3 || waitNs > restingWaitNs * 2 || waitNs < restingWaitNs / 2
        changedWindows = isChanged ? changedWindows + 1 : 0
        let isOtherLoad = changedWindows == Self.changedWindowsMax
        if isOtherLoad { restWindowsNext = Self.restWindowsFirst }
        restWindows -= 1
        if restWindows <= 0 || isOtherLoad { beginTrial() }
    }

    private func isShort(_ index: Int) -> Bool {
        let napUs = Self.pauses[index].napUs
        return napUs <= Self.shortUs || UInt64(napUs * 1_000 * Self.waitShare) <= waitNs
    }

    /// What to do before the next poll.
    package var pause: Pause {
        guard isBusy else { return .none }
        switch pacing {
        case .off: return .none
        case .fixed(let microseconds): return microseconds == 0 ? .none : .nap(microseconds: microseconds)
        case .auto: return Self.pauses[trial?.current ?? inUse]
        }
    }

    private var isBusy: Bool {
        guard bytesAverage <= Self.bytesMax else { return false }
        return eventsAverage >= Self.eventsMin * Self.scale
            || eventsAverage * Self.eventsWithinNs >= Self.eventsWithinMin * Self.scale * tickAverageNs
    }
}

extension Pacer {
    /// What one window, or several, came to.
    private struct Served {
        var sizeBytes = 0
        var replies = 0
        var timeNs: UInt64 = 0
        var cpuNs: UInt64 = 0

        /// Never 0, so that its logarithm is a number.
        var rate: Double { Double(max(1, sizeBytes)) / Double(max(1, timeNs)) }

        /// Differences of this are shares: 0.01 is a percent more bytes a second, or two percent less CPU a byte.
        var merit: Double { log(rate) - log(Double(max(1, cpuNs)) / Double(max(1, sizeBytes))) / 2 }

        mutating func add(_ tick: Tick) {
            sizeBytes &+= tick.sizeBytes
            replies &+= tick.replies
            timeNs &+= tick.timeNs
        }

        mutating func add(_ other: Served) {
            sizeBytes &+= other.sizeBytes
            timeNs &+= other.timeNs
            cpuNs &+= other.cpuNs
        }
    }

    /// The pause in use against another.
    private struct Trial {
        enum Verdict {
            case undecided
            case better
            case notBetter
        }

        /// Where others lie, in the direction that paid last: neighbours first, then over a hollow between two hills.
        static let distances = [1, -1, 2, -2, 3, -3]
        /// How large the gain must be, either way, after so many pairs of windows.
        private static let clearAfter: [(pairs: Int, gain: Double)] = [(16, 0.01), (6, 0.04), (2, 0.12)]

        /// By so much a nap that is not short must move more than the shorter one.
        private static let longNapGain = 0.03

        let inUse: Int
        let other: Int
        /// The one whose turn it is.
        var current: Int { windowCount & 1 == 1 ? other : inUse }
        private var windowCount = 0
        private var servedInUse = Served()
        private var servedOther = Served()

        init(inUse: Int, other: Int) {
            self.inUse = inUse
            self.other = other
        }

        /// - Parameter isShort: of the longer pause of the two.
        mutating func add(_ window: Served, isShort: Bool) -> Verdict {
            if windowCount & 1 == 1 { servedOther.add(window) } else { servedInUse.add(window) }
            windowCount += 1
            guard windowCount & 1 == 0 else { return .undecided }
            let pairs = windowCount / 2
            guard let clear = Self.clearAfter.first(where: { pairs >= $0.pairs }) else { return .undecided }
            let gain = gainOfOther(isShort: isShort)
            if gain > clear.gain { return .better }
            return gain < -clear.gain || pairs >= Self.clearAfter[0].pairs ? .notBetter : .undecided
        }

        private func gainOfOther(isShort: Bool) -> Double {
            if isShort { return servedOther.merit - servedInUse.merit }
            let more = log(servedOther.rate) - log(servedInUse.rate)
            return other > inUse ? more - Self.longNapGain : more + Self.longNapGain
        }
    }
}
