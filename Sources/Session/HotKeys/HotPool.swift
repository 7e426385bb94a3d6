// HotPool: what one worker knows of a pool's hot keys: the sketch that finds them, the copies of what was read of them,
// and for each shard the line that covers the copies, in memory or on servers.
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
    /// When a pulse that is not answered yet was sent, and its number; 0: none is under way.
    var askedAtMs: UInt64 = 0
    var askedStamp: UInt32 = 0
    /// The same of the last one that was answered: all changes of before have been heard.
    var heardAtMs: UInt64 = 0
    var heardStamp: UInt32 = 0
    /// Reads of copies on servers that wait for the next answer, in their order.
    var firstWaiting: SpreadReadRef?
    var lastWaiting: SpreadReadRef?
    /// Eighths of a millisecond that reads of copies on this shard took, on the average of the last, and when that was.
    private var latency8: UInt64 = 0
    private var latencyAtMs: UInt64 = 0
    var timer: TimerNode

    /// Kind of the timer, for whoever takes it out of the wheel.
    static let timerKind: UInt8 = 6
    private static let latencyHalvesMs: UInt64 = 256

    init(shard: ShardRef, timer: TimerNode) {
        self.shard = shard
        self.timer = timer
    }

    /// Halves while nobody asks, so that who was slow is tried again.
    @inline(__always)
    func latency8(nowMs: UInt64) -> UInt64 {
        latency8 >> min(63, (nowMs - latencyAtMs) / Self.latencyHalvesMs)
    }

    @inline(__always)
    mutating func note(latencyMs: UInt64, nowMs: UInt64) {
        let before = latency8(nowMs: nowMs)
        latency8 = before - (before + 7) / 8 + latencyMs
        latencyAtMs = nowMs
    }
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
    /// Copies are on servers; in memory where servers do not take each other's values.
    var spreads: Bool
    /// There may be copies on its servers, which clients must not see.
    let hidesCopies: Bool
    let replyBytesMax: Int
    /// Of all copies of this worker.
    let sizeBytesMax: Int
    let lifeMsMax: UInt64
    let leaseMs: UInt64
    let spreadCount: Int
    let staleMs: UInt64
    let covers: CoverRef
    var table = CopyTable()
    /// The stamp of the last fill.
    var stamp: UInt32 = 0
    /// The number of the last generation.
    var generationNumber: UInt64 = 0
    /// Of the copies on servers that this worker reads or makes.
    var spreadBytes = 0
    var spreadCopies = 0
    /// The next generation begins no sooner.
    var nextGenerationMs: UInt64 = 0

    /// A copy ends; each step of the histogram counts those below it, too.
    func noteEnd(ageMs: UInt64) {
        counters.add(.copiesDropped)
        if ageMs <= 10 { counters.add(.copyAgesMs10) }
        if ageMs <= 100 { counters.add(.copyAgesMs100) }
        if ageMs <= 1_000 { counters.add(.copyAgesMs1000) }
        if ageMs <= 10_000 { counters.add(.copyAgesMs10000) }
    }

    static func make(
        _ options: HotKeyOptions, _ backend: BackendOptions, poolIndex: Int, shards: ShardRef, shardCount: Int,
        counters: CounterBlock<PoolMetric>, seed: UInt64, slots: HotSlotsView, workerCount: Int, nowMs: UInt64
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
                poolIndex: poolIndex, shardCount: shardCount, database: backend.database, seed: seed,
                counters: counters, slots: slots, sketch: .allocate(sketch, seed: seed, nowMs: nowMs),
                sampler: HotKeySampler(nowMs: nowMs), makesCopies: options.mode == .cache || options.mode == .replicate,
                spreads: options.mode == .replicate, hidesCopies: options.mode == .replicate,
                replyBytesMax: options.replyBytesMax, sizeBytesMax: options.sizeBytesMax / workerCount,
                lifeMsMax: UInt64(options.lifeMsMax), leaseMs: UInt64(options.leaseMs),
                spreadCount: min(options.spreadCount, shardCount), staleMs: UInt64(options.staleMs), covers: covers))
        return pool
    }
}
