// MissWait: the clients of one worker that wait for a missing key, and the question that is asked for all of them.
//
//     missing, and somebody else brings it ──► waits ──► the value, to all         it is there
//                                                └─────► "missing", to one          its time is over, or it is its turn
//
// Ownership: the record owns `request`, a GET, and lives until nobody waits and no question of it is under way.
// Not here: whose turn it is (MissLeases), when is asked (Engine+Misses).

import Platform
import Upstream
import Wire

typealias MissWaitRef = UnsafeMutablePointer<MissWait>
typealias GuardedReadRef = UnsafeMutablePointer<GuardedRead>

/// A read whose reply decides whether its client waits.
struct GuardedRead: BitwiseCopyable {
    let client: ClientRef
    let sequence: UInt32
    let shard: ShardRef
    let keyHash: UInt64
    let request: ChunkRef
    /// When it was asked, and the version of its key's slot then.
    var askedAtMs: UInt64 = 0
    var version: UInt64 = 0

    var requestView: ByteView {
        ByteView(start: UnsafePointer(request.data), count: request.pointee.fillBytes)
    }
}

struct MissWait: BitwiseCopyable {
    struct Waiter: BitwiseCopyable {
        let client: ClientRef
        let sequence: UInt32
        let untilMs: UInt64
        /// The last question that was asked before it came: what that found may be older than what it has seen.
        let afterQuestion: Int
        var next: UnsafeMutablePointer<Waiter>?
    }

    let poolIndex: Int
    let shard: ShardRef
    let keyHash: UInt64
    /// The first line of the waiting clients' dialect.
    let lineBase: Int
    let request: ChunkRef
    var firstWaiter: UnsafeMutablePointer<Waiter>?
    var lastWaiter: UnsafeMutablePointer<Waiter>?
    /// A question is under way, the last of so many.
    var isAsking = false
    var questionCount = 0
    /// Not in the list any more.
    var isOver = false

    var requestView: ByteView {
        ByteView(start: UnsafePointer(request.data), count: request.pointee.fillBytes)
    }
}

/// What one worker knows of a pool's misses.
struct MissPool: BitwiseCopyable {
    let poolIndex: Int
    /// On the board.
    let number: Int
    /// Of the keys that are guarded.
    let prefixes: KeyPrefixes
    let waitMs: UInt64
    let leaseMs: UInt64
    let waiterCountMax: Int
    let refusesLateWrites: Bool
    let earlyFactor: Double
    /// Nil where no key is brought anew before it ends.
    let lives: KeyLivesView?
    /// Nil where no value is given to readers after its key has ended.
    var kept: KeptValues?
    var waiterCount = 0
    /// When the next questions are asked; armed while anybody waits.
    var timer: TimerNode

    /// Kind of the timer, for whoever takes it out of the wheel.
    static let timerKind: UInt8 = 7
    /// Between two questions for one key.
    static let askEveryMs: UInt64 = 10
}

typealias MissPoolRef = UnsafeMutablePointer<MissPool>

extension UnsafeMutablePointer where Pointee == MissPool {
    static func make(
        _ options: StampedeOptions, poolName: String, poolIndex: Int, workerCount: Int, _ shared: SharedState
    ) -> MissPoolRef {
        let kept =
            options.staleMs == 0
            ? nil
            : KeptValues(
                lifeMs: options.staleMs, placeCount: options.staleCountMax / workerCount,
                sizeBytesMax: options.staleSizeBytesMax / workerCount,
                slots: shared.hotKeys.slots(ofPool: poolName))
        let number = shared.misses.number(ofPool: poolName)
        let pool = MissPoolRef.allocate(capacity: 1)
        pool.initialize(
            to: MissPool(
                poolIndex: poolIndex, number: number, prefixes: KeyPrefixes(options.prefixes),
                waitMs: UInt64(options.waitMs), leaseMs: UInt64(options.leaseMs),
                waiterCountMax: options.waiterCountMax, refusesLateWrites: options.refusesLateWrites,
                earlyFactor: options.earlyFactor,
                lives: options.earlyFactor > 0 ? shared.misses.lives(ofPool: number) : nil,
                kept: kept, timer: TimerNode(kind: MissPool.timerKind, owner: pool)))
        return pool
    }

    var timer: TimerRef {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<MissPool>.offset(of: \.timer)!)
            .assumingMemoryBound(to: TimerNode.self)
    }
}
