// Transfer: one request that is too long to be stored and forwarded. It flows from the client's socket to a backend
// connection of its own, so that no slow sender blocks the shared one, and memory holds a few chunks of it at most.
//
//     settling ──► queueing ──► streaming ──► sent ──► over
//         │            │            │
//         └────────────┴────────────┴──► skipping ──► over     (an error was answered; the rest of it is dropped)
//
// settling: replies that the client still waits for come first, so that its commands keep their order on two lines.
// queueing: every transfer line of the shard is taken. Until it is over no later request of the client is read.
// Not here: the steps themselves (Engine+Transfers).

import Platform
import Upstream
import Wire

typealias TransferRef = UnsafeMutablePointer<Transfer>

struct Transfer: BitwiseCopyable {
    enum State: UInt8, BitwiseCopyable { case settling, queueing, streaming, sent, skipping }

    let client: ClientRef
    let shard: ShardRef
    let isWrite: Bool
    /// What its reply ends.
    var hotMark: HotMark = 0
    /// Its client's lease was lost: it is read to its end and not sent.
    var isTooLate = false
    var state = State.settling
    /// Finds the end of the request.
    var scanner = RequestScanner()
    var line: LineRef?
    /// The client's place for the reply; valid from `streaming` on.
    var sequence: UInt32 = 0
    /// When bytes moved last.
    var progressMs: UInt64
    var timer: TimerNode
    /// Next in the shard's queue.
    var next: TransferRef?

    static let timerKind: UInt8 = 3

    static func initialize(
        _ transfer: TransferRef, client: ClientRef, shard: ShardRef, isWrite: Bool, nowMs: UInt64
    ) -> TransferRef {
        transfer.initialize(
            to: Transfer(
                client: client, shard: shard, isWrite: isWrite, progressMs: nowMs,
                timer: TimerNode(kind: timerKind, owner: transfer)))
        return transfer
    }

    private init(client: ClientRef, shard: ShardRef, isWrite: Bool, progressMs: UInt64, timer: TimerNode) {
        self.client = client
        self.shard = shard
        self.isWrite = isWrite
        self.progressMs = progressMs
        self.timer = timer
    }
}

extension UnsafeMutablePointer where Pointee == Transfer {
    var timer: TimerRef {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Transfer>.offset(of: \.timer)!)
            .assumingMemoryBound(to: TimerNode.self)
    }
}
