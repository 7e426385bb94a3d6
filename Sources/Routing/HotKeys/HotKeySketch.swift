// HotKeySketch: which keys of one pool one worker is asked for most, how often, and with how many bytes; from samples
// of its requests, in memory of a fixed size, of which nothing is allocated later.
// A sample is counted under its hash (HotKeyCounters); the hottest have their bytes kept (HotKeyNames). Everything
// decays by time, so that a key which is no longer asked for vanishes by itself. A key's bytes a second are its rate
// times the mean size of its sampled requests and replies.
// Rule: a rate is what was counted for the key since it got its counter, so it is never more than the samples say; what
// came before is at most the heat of the key that lost the counter. Two keys of one 64-bit hash count as one until one
// of them is named; then the other is not counted at all.
// Not here: what to look at (HotKeySampler), whether a key is hot (HotKeyPolicy), several workers (HotKeyReport).

package import Wire

/// One sampled request.
package struct HotKeySample: BitwiseCopyable {
    package var key: ByteView
    /// 0 ..< 16,384.
    package var slot: Int
    package var shardIndex: Int
    package var isWrite: Bool
    package var sizeBytes: Int
    /// Requests that it stands for.
    package var weight: Int

    package init(key: ByteView, slot: Int, shardIndex: Int, isWrite: Bool, sizeBytes: Int, weight: Int) {
        self.key = key
        self.slot = slot
        self.shardIndex = shardIndex
        self.isWrite = isWrite
        self.sizeBytes = sizeBytes
        self.weight = weight
    }
}

/// How much a sketch holds and how fast it forgets.
package struct HotKeySketchOptions: Sendable, BitwiseCopyable {
    package var shardCount: Int
    package var halfLifeMs: UInt64 = 10_000
    /// A power of two. A key with twice the part that each counter has of the traffic is next to never without one.
    package var counterCount = 1_024
    /// Keys whose bytes are kept.
    package var nameCount = 128
    package var bigKeyCount = 16
    /// Smaller requests and replies are not big.
    package var bigSizeBytesMin = 10_240

    package init(shardCount: Int) { self.shardCount = shardCount }
}

/// A handle on the memory of one sketch, for one thread alone.
public struct HotKeySketch: BitwiseCopyable {
    private struct State: BitwiseCopyable {
        let seed: UInt64
        var decay: DecayScale
        /// When the first sample came, after nothing was known.
        var startedAtMs: UInt64?
        let counters: HotKeyCounters
        var names: HotKeyNames
        var replies: SampledReplies
        let bigKeys: BigKeys
        let slots: SlotHeats
    }

    private let state: UnsafeMutablePointer<State>

    /// The caller ends it with `deallocate`.
    ///
    /// - Parameter seed: any number that clients do not know, the same for all workers whose snapshots are merged.
    package static func allocate(_ options: HotKeySketchOptions, seed: UInt64, nowMs: UInt64) -> HotKeySketch {
        let state = UnsafeMutablePointer<State>.allocate(capacity: 1)
        state.initialize(
            to: State(
                seed: seed, decay: DecayScale(halfLifeMs: options.halfLifeMs, nowMs: nowMs),
                counters: .allocate(counterCount: options.counterCount),
                names: .allocate(nameCount: options.nameCount), replies: .allocate(),
                bigKeys: .allocate(count: options.bigKeyCount, sizeBytesMin: options.bigSizeBytesMin),
                slots: .allocate(shardCount: options.shardCount)))
        return HotKeySketch(state: state)
    }

    package func deallocate() {
        state.pointee.counters.deallocate()
        state.pointee.names.deallocate()
        state.pointee.replies.deallocate()
        state.pointee.bigKeys.deallocate()
        state.pointee.slots.deallocate()
        state.deallocate()
    }

    /// Memory that such a sketch takes.
    package static func sizeBytes(_ options: HotKeySketchOptions) -> Int {
        MemoryLayout<State>.size + options.counterCount * MemoryLayout<HotKeyCounter>.stride
            + options.nameCount * MemoryLayout<HotKeyName>.stride + KeyShelf.sizeBytes(keyCount: options.nameCount)
            + SampledReplies.sizeBytes + BigKeys.sizeBytes(count: options.bigKeyCount)
            + SlotHeats.sizeBytes(shardCount: options.shardCount)
    }

    // MARK: Samples

    /// Counts a sampled request.
    ///
    /// - Returns: what its reply is to be told with, by `noteReply`, or given up with, by `forgetReply`; `.none` if its
    ///   size is not wanted, as that of a reply to a write.
    package func record(_ sample: HotKeySample, nowMs: UInt64) -> ReplyHandle {
        let hash = SeededHash.value(of: sample.key.start, count: sample.key.count, seed: state.pointee.seed)
        return record(sample, hash: hash, nowMs: nowMs)
    }

    /// The same with a hash that the caller has made.
    func record(_ sample: HotKeySample, hash: UInt64, nowMs: UInt64) -> ReplyHandle {
        precondition(sample.shardIndex >= 0 && sample.shardIndex < state.pointee.slots.shardCount)
        precondition(sample.slot >= 0 && sample.slot < SlotRange.count * SlotRange.slotsEach)
        advance(to: nowMs)
        if state.pointee.startedAtMs == nil { state.pointee.startedAtMs = nowMs }
        let key = HashedKey(start: sample.key.start, sizeBytes: sample.key.count, hash: hash)
        let shardIndex = Int32(truncatingIfNeeded: sample.shardIndex)
        state.pointee.slots.add(
            state.pointee.decay.unit * Double(sample.weight), slot: sample.slot, shardIndex: sample.shardIndex,
            isWrite: sample.isWrite)
        count(key, sample)
        state.pointee.bigKeys.offer(key, shardIndex: shardIndex, sizeBytes: sample.sizeBytes, nowMs: nowMs)
        if sample.isWrite { return .none }
        return state.pointee.replies.expect(key, shardIndex: shardIndex, nowMs: nowMs)
    }

    private func count(_ key: HashedKey, _ sample: HotKeySample) {
        let counters = state.pointee.counters
        let (index, orphan) = counters.claim(key.hash)
        state.pointee.names.release(orphan)
        let known = counters[index].name
        if known >= 0, !state.pointee.names.shelf.holds(key, at: Int(known)) { return }
        let amount = Float(state.pointee.decay.unit * Double(sample.weight))
        if sample.isWrite { counters[index].writes += amount } else { counters[index].reads += amount }
        let given = known >= 0 ? Int(known) : state.pointee.names.give(key, counter: index, of: counters)
        guard let given else { return }
        let name = state.pointee.names[given]
        name.pointee.shardIndex = Int32(truncatingIfNeeded: sample.shardIndex)
        name.pointee.sampleCount += state.pointee.decay.unit
        name.pointee.requestBytes += state.pointee.decay.unit * Double(sample.sizeBytes)
    }

    /// The reply to a sampled request has come.
    ///
    /// - Parameter sizeBytes: of the whole reply.
    package func noteReply(_ handle: ReplyHandle, sizeBytes: Int, nowMs: UInt64) {
        guard handle.isAwaited, let (key, shardIndex) = state.pointee.replies.take(handle) else { return }
        advance(to: nowMs)
        state.pointee.bigKeys.offer(key, shardIndex: shardIndex, sizeBytes: sizeBytes, nowMs: nowMs)
        guard let counter = state.pointee.counters.find(key.hash) else { return }
        let named = state.pointee.counters[counter].name
        guard named >= 0, state.pointee.names.shelf.holds(key, at: Int(named)) else { return }
        let name = state.pointee.names[Int(named)]
        name.pointee.replyCount += state.pointee.decay.unit
        name.pointee.replyBytes += state.pointee.decay.unit * Double(sizeBytes)
    }

    /// The reply will not come, or says nothing.
    package func forgetReply(_ handle: ReplyHandle) {
        if handle.isAwaited { _ = state.pointee.replies.take(handle) }
    }

    private func advance(to nowMs: UInt64) {
        guard let factor = state.pointee.decay.advance(to: nowMs) else { return }
        state.pointee.counters.scale(by: Float(factor))
        state.pointee.names.scale(by: factor)
        state.pointee.slots.scale(by: factor)
        if factor < Self.nothingLeft { state.pointee.startedAtMs = nil }
    }

    /// Of any sum, after such a factor.
    private static var nothingLeft: Double { 0x1p-64 }

    // MARK: What is known

    /// All that has not vanished; allocates, and is not for the way of a request.
    package func snapshot(poolIndex: Int, nowMs: UInt64) -> HotKeySnapshot {
        advance(to: nowMs)
        let started = state.pointee.startedAtMs ?? nowMs
        let rate =
            1 / state.pointee.decay.unit / state.pointee.decay.windowS(elapsedMs: nowMs - min(nowMs, started))
        return HotKeySnapshot(
            poolIndex: poolIndex,
            keys: (0..<state.pointee.names.count).compactMap { hotKey($0, poolIndex: poolIndex, rate: rate) },
            shards: state.pointee.slots.listShards(rate: rate), slots: state.pointee.slots.listRanges(rate: rate),
            bigKeys: state.pointee.bigKeys.list(nowMs: nowMs, poolIndex: poolIndex))
    }

    /// Nil for a name that is free, or of which less is left than a hundredth of a sample.
    private func hotKey(_ index: Int, poolIndex: Int, rate: Double) -> HotKey? {
        let name = state.pointee.names[index].pointee
        let sampleCount = name.sampleCount / state.pointee.decay.unit
        guard name.counter >= 0, sampleCount >= 0.01 else { return nil }
        let counter = state.pointee.counters[Int(name.counter)]
        let heat = Heat(reads: Double(counter.reads), writes: Double(counter.writes)).perSecond(rate)
        let requestBytes = name.requestBytes / name.sampleCount
        let replyBytes = name.replyCount > 0 ? name.replyBytes / name.replyCount : 0
        return HotKey(
            key: state.pointee.names.shelf.shownKey(at: index), poolIndex: poolIndex,
            shardIndex: Int(name.shardIndex), heat: heat,
            bytesPerSecond: heat.requestsPerSecond * (requestBytes + replyBytes), sampleCount: sampleCount)
    }
}
