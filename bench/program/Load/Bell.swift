// Bell: wakes the one thread that runs the show, from any other: a thread of the load has arrived somewhere, or the
// user wants the run to end.
// Not here: what has happened; whoever rings has said it elsewhere before.

import Platform

final class Bell: Sendable {
    private let wakeup: Wakeup

    init() throws(SystemError) { wakeup = try Wakeup() }

    func ring() { wakeup.signal() }

    /// Waits until somebody rings or until `timeNs` of the clock. A ring that nobody waited for is not lost.
    func wait(untilNs timeNs: UInt64) {
        if Socket.wait(wakeup.descriptor, until: .readable, deadlineNs: timeNs) { wakeup.clear() }
    }
}
