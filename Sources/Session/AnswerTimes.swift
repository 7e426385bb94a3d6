// AnswerTimes: how long a client waited for each of the replies that one flush gives it, by command: from the tick in
// which the request was read to the one in which its reply goes out.
// Replies to equal commands of one tick are counted as one run: the histogram is written once a run.
// Not here: what of it was a server's (ReplyTimes).

import Telemetry

struct AnswerTimes {
    private let times: CommandTimes
    private let nowUs: UInt32
    private var command = CommandTimes.noCommand
    private var arrivedUs: UInt32 = 0
    private var count = 0

    init(_ times: CommandTimes, nowUs: UInt32) {
        self.times = times
        self.nowUs = nowUs
    }

    @inline(__always)
    mutating func note(_ slot: UnsafeMutablePointer<ReplySlot>) {
        if slot.pointee.command != command || slot.pointee.arrivedUs != arrivedUs {
            end()
            command = slot.pointee.command
            arrivedUs = slot.pointee.arrivedUs
        }
        count &+= 1
    }

    @inline(__always)
    mutating func end() {
        guard count > 0 else { return }
        times.record(command: command, us: nowUs &- arrivedUs, count: count)
        count = 0
    }
}
