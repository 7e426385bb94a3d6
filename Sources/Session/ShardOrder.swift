// ShardOrder: what an operator wants done with a shard, on its way to a worker, and the worker's answer.
// Whoever gives it waits for that on a thread of its own; a worker never waits.
// Not here: what is done (Engine+Orders).

import Platform
import Synchronization

package final class ShardOrder: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Out of the ring until it is readmitted; the other shards get its keys.
        case eject
        case readmit
    }

    package struct Answer: Sendable, Equatable {
        package let isDone: Bool
        /// What was done, or why nothing was.
        package let text: String
    }

    let kind: Kind
    let poolIndex: Int
    let shardIndex: Int
    private let answer = Mutex<Answer?>(nil)

    init(_ kind: Kind, poolIndex: Int, shardIndex: Int) {
        self.kind = kind
        self.poolIndex = poolIndex
        self.shardIndex = shardIndex
    }

    func finish(_ answer: Answer) { self.answer.withLock { $0 = answer } }

    private static let lookEveryUs = 1_000

    /// Blocks the calling thread.
    func wait(deadlineNs: UInt64) -> Answer {
        while true {
            if let answer = answer.withLock({ $0 }) { return answer }
            guard Clock.nowNs() < deadlineNs else {
                return Answer(isDone: false, text: "no worker has answered yet; look at the shard's ring state")
            }
            Clock.nap(microseconds: Self.lookEveryUs)
        }
    }
}
