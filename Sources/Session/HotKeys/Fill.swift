// Fill: one read of a hot key that is on its way to become a copy, and the clients that wait for it.
//
//     CLIENT CACHING YES | the read | PTTL       side by side on the shard's cover line: the server applies CACHING to
//             │               │        │         the very next command, so nothing may come between
//          unheard          copy     pulse       how long the copy may live
//
// States: asked ──► answered (its clients have the reply) ──► kept, or dropped
// Rule: whatever makes the reply doubtful in the meantime (a push for the key, a lost line, a write through here)
// leaves the answer to those who wait as it is, and only keeps it from being copied.
// Ownership: the record lives until both replies have come or are given up. It owns `request`, and `reply` once there.
// Not here: what a copy is (CopyTable), sending and receiving (Engine+Copies).

import Platform
import Upstream
import Wire

typealias FillRef = UnsafeMutablePointer<Fill>
typealias FillWaiterRef = UnsafeMutablePointer<FillWaiter>

/// One place in a client's order of replies.
struct FillWaiter: BitwiseCopyable {
    let client: ClientRef
    let sequence: UInt32
    var next: FillWaiterRef?
}

struct Fill: BitwiseCopyable {
    /// Nil once the key is no longer hot.
    var key: CopiedKeyRef?
    let poolIndex: Int
    let shard: ShardRef
    let hash: UInt64
    let request: ChunkRef
    let requestBytes: Int
    let protocolVersion: RESPVersion
    /// Of its slot and pool, before it was sent.
    let version: UInt64
    let stamp: UInt32
    let sentAtMs: UInt64
    /// The longest life of its copy.
    let lifeMsMax: UInt64
    /// Should the key be missing, it is not copied, and one of those who wait brings it.
    let isGuarded: Bool
    var isDoubtful = false
    var firstWaiter: FillWaiterRef?
    var lastWaiter: FillWaiterRef?
    /// Request and reply side by side, as a copy has them.
    var reply: ChunkRef?
    var replyBytes = 0
    /// Replies that may still come.
    var repliesLeft = 2
    var nextOfKey: FillRef?
}
