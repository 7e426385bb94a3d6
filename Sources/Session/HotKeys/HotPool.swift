// HotPool: what one worker knows of a pool's hot keys: the sketch that finds them, the copies of what was read of them,
// and for each shard the line that covers the copies.
// Rule: pools with `hot_keys: off` have none, and a request of theirs costs one test of a pointer.
// Not here: what becomes of a request (Engine+Copies), the lines (Engine+Cover), what is hot (Engine+HotKeys).

import Platform
import Routing
import Telemetry
import Upstream

typealias HotPoolRef = UnsafeMutablePointer<HotPool>
typealias CoverRef = UnsafeMutablePointer<Cover>

/// The connection on which a shard tells of changes.
struct Cover: BitwiseCopyable {
    let shard: ShardRef
    /// Nil while no key of the shard is hot.
    var line: LineRef?
    /// Its pushes are all here up to so many milliseconds before this.
    var untilMs: UInt64 = 0
    /// When a pulse that is not answered yet was sent; 0: none is under way.
    var askedAtMs: UInt64 = 0
    var timer: TimerNode

    /// Kind of the timer, for whoever takes it out of the wheel.
    static let timerKind: UInt8 = 6
}

extension UnsafeMutablePointer where Pointee == Cover {
    var timer: TimerRef {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Cover>.offset(of: \.timer)!)
            .assumingMemoryBound(to: TimerNode.self)
    }
}

struct HotPool: BitwiseCopyable {
    let poolIndex: Int
    let shardCount: Int
    /// Only connections to this one are served from copies.
    let database: Int
    let seed: UInt64
    let counters: CounterBlock<PoolMetric>
    let slots: HotSlotsView
    let sketch: HotKeySketch
    var sampler: HotKeySampler
    /// Otherwise hot keys are only shown.
    let makesCopies: Bool
    let replyBytesMax: Int
    /// Of all copies of this worker.
    let sizeBytesMax: Int
    let lifeMsMax: UInt64
    let leaseMs: UInt64
    let covers: CoverRef
    var table = CopyTable()
    /// The stamp of the last fill.
    var stamp: UInt32 = 0

    static func make(
        _ options: HotKeyOptions, _ backend: BackendOptions, poolIndex: Int, shards: ShardRef, shardCount: Int,
        counters: CounterBlock<PoolMetric>, board: HotKeyBoard, workerCount: Int, nowMs: UInt64
    ) -> HotPoolRef {
        var sketch = HotKeySketchOptions(shardCount: shardCount)
        // A key that is to be called hot must have a name, and one that is to have a name a counter.
        sketch.nameCount = max(sketch.nameCount, 2 * options.keyCountMax)
        while sketch.counterCount < 8 * sketch.nameCount { sketch.counterCount *= 2 }
        let covers = CoverRef.allocate(capacity: shardCount)
        for index in 0..<shardCount {
            (covers + index).initialize(
                to: Cover(shard: shards + index, timer: TimerNode(kind: Cover.timerKind, owner: covers + index)))
        }
        let pool = HotPoolRef.allocate(capacity: 1)
        pool.initialize(
            to: HotPool(
                poolIndex: poolIndex, shardCount: shardCount, database: backend.database, seed: board.seed,
                counters: counters, slots: board.slots(ofPool: poolIndex).view,
                sketch: .allocate(sketch, seed: board.seed, nowMs: nowMs),
                sampler: HotKeySampler(nowMs: nowMs), makesCopies: options.mode == .cache,
                replyBytesMax: options.replyBytesMax, sizeBytesMax: options.sizeBytesMax / workerCount,
                lifeMsMax: UInt64(options.lifeMsMax), leaseMs: UInt64(options.leaseMs), covers: covers))
        return pool
    }
}
