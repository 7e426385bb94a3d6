// Pacer: how long the loop naps before it polls again, so that requests share sends and wake-ups.
// Pure: numbers of the last ticks in, microseconds out. The rule: an idle loop never naps, so one client alone never
// waits; a busy loop naps some tens of microseconds, so that each backend send, wake-up and reply serves more requests;
// and whether a longer or shorter nap serves more is found by trying, because it depends on what the pacer cannot see
// (how many clients wait for replies, what else runs on the cores).
//
// A trial compares the nap in use with its neighbour, in windows that take turns, so that a change of load hits both:
//
//     | in use | neighbour | in use | neighbour | ... 16 of each ... | ─► keep, or move ─► rest ─► other neighbour
//
// Not here: the nap itself (Clock), when to call it (the worker).

/// What the config asks for.
package enum Pacing: Equatable, Sendable {
    case off
    case auto
    case fixed(microseconds: Int)
}

package struct Pacer {
    /// Averages are kept in 1/16 so that small numbers keep their fraction.
    private static let scale = 16
    /// Below this many events a tick the loop counts as idle.
    private static let eventsMin = 3
    /// Above this many bytes a tick there is no waiting for more.
    private static let bytesMax = 262_144

    /// Naps that `auto` chooses from, in microseconds, and the one it begins with: it saves the most sends for the
    /// least delay, so another one has to show that it serves more.
    package static let naps = [0, 20, 50, 100, 200]
    private static let firstNap = 2
    private static let windowNs: UInt64 = 10_000_000
    private static let windowsPerTrial = 32
    /// Windows between two trials: a trial may cost a little, so most of the time there is none.
    private static let windowsPerRest = 100
    /// A neighbour must serve this many percent more.
    private static let gainPercentMin = 4

    private let pacing: Pacing
    private var eventsAverage = 0
    private var bytesAverage = 0

    private var nap = firstNap
    /// -1 or 1: where the next neighbour lies.
    private var direction = -1
    private var windowLeftNs = windowNs
    private var windowIndex = 0
    private var isTrial = true
    /// Bytes moved and time taken with the nap in use, and with its neighbour.
    private var inUse = Served()
    private var neighbour = Served()

    private struct Served {
        var sizeBytes = 0
        var timeNs: UInt64 = 0
        var rate: Double { timeNs == 0 ? 0 : Double(sizeBytes) / Double(timeNs) }

        mutating func add(_ sizeBytes: Int, _ timeNs: UInt64) {
            self.sizeBytes &+= sizeBytes
            self.timeNs &+= timeNs
        }
    }

    package init(_ pacing: Pacing) { self.pacing = pacing }

    /// One tick is over.
    ///
    /// - Parameters:
    ///   - events: ready sockets that it served.
    ///   - sizeBytes: bytes that it received.
    ///   - timeNs: from the end of the tick before to the end of this one, naps counted.
    package mutating func record(events: Int, sizeBytes: Int, timeNs: UInt64) {
        eventsAverage += events * Self.scale / 8 - eventsAverage / 8
        bytesAverage += sizeBytes / 8 - bytesAverage / 8
        guard pacing == .auto, isBusy else { return }
        if isTrial, windowIndex & 1 == 1 {
            neighbour.add(sizeBytes, timeNs)
        } else if isTrial {
            inUse.add(sizeBytes, timeNs)
        }
        if timeNs < windowLeftNs {
            windowLeftNs -= timeNs
        } else {
            windowLeftNs = Self.windowNs
            endWindow()
        }
    }

    private mutating func endWindow() {
        windowIndex += 1
        if isTrial, windowIndex == Self.windowsPerTrial {
            endTrial()
        } else if !isTrial, windowIndex == Self.windowsPerRest {
            isTrial = true
            windowIndex = 0
        }
    }

    private mutating func endTrial() {
        windowIndex = 0
        let isBetter = neighbour.rate * 100 > inUse.rate * Double(100 + Self.gainPercentMin)
        inUse = Served()
        neighbour = Served()
        if isBetter { nap += direction }
        // On in the same direction at once while it pays; else the other side, after a rest.
        if !isBetter || !Self.naps.indices.contains(nap + direction) {
            direction = -direction
            isTrial = false
            if !Self.naps.indices.contains(nap + direction) { direction = -direction }
        }
    }

    /// Microseconds to nap before the next poll; 0 for none.
    package var napUs: Int {
        guard isBusy else { return 0 }
        switch pacing {
        case .off: return 0
        case .fixed(let microseconds): return microseconds
        case .auto: return Self.naps[isTrial && windowIndex & 1 == 1 ? nap + direction : nap]
        }
    }

    private var isBusy: Bool { eventsAverage >= Self.eventsMin * Self.scale && bytesAverage <= Self.bytesMax }
}
