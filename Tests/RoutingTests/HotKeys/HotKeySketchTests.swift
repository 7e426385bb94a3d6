import TestKit
import Testing
import Wire

@testable import Routing

struct HotKeySketchTests {
    /// A sketch that is fed by hand.
    private final class Rig {
        let sketch: HotKeySketch
        private let guarded = GuardedBytes()

        init(_ change: (inout HotKeySketchOptions) -> Void = { _ in }, nowMs: UInt64 = 0) {
            var options = HotKeySketchOptions(shardCount: 2)
            change(&options)
            sketch = .allocate(options, seed: 42, nowMs: nowMs)
        }

        deinit { sketch.deallocate() }

        @discardableResult
        func record(
            _ key: [UInt8], shard: Int = 0, slot: Int = 0, isWrite: Bool = false, sizeBytes: Int = 20, weight: Int = 1,
            hash: UInt64? = nil, nowMs: UInt64
        ) -> ReplyHandle {
            let view = ByteView(start: guarded.place(key), count: key.count)
            let sample = HotKeySample(
                key: view, slot: slot, shardIndex: shard, isWrite: isWrite, sizeBytes: sizeBytes, weight: weight)
            guard let hash else { return sketch.record(sample, nowMs: nowMs) }
            return sketch.record(sample, hash: hash, nowMs: nowMs)
        }

        func snapshot(nowMs: UInt64) -> HotKeySnapshot { sketch.snapshot(poolIndex: 0, nowMs: nowMs) }

        func rates(nowMs: UInt64) -> [[UInt8]: Double] {
            let keys = snapshot(nowMs: nowMs).keys
            return Dictionary(uniqueKeysWithValues: keys.map { ($0.key.text, $0.heat.requestsPerSecond) })
        }
    }

    @Test func itTakesLittleMemory() {
        let sizeBytes = HotKeySketch.sizeBytes(HotKeySketchOptions(shardCount: 64))
        #expect(sizeBytes < 98_304, "\(sizeBytes)")
    }

    @Test func withoutRequestsNothingIsKnown() {
        let snapshot = Rig().snapshot(nowMs: 5_000)
        #expect(snapshot.keys.isEmpty && snapshot.bigKeys.isEmpty)
        #expect(snapshot.shards == [HeatRate(), HeatRate()])
        #expect(snapshot.slots.count == 256 && snapshot.slots.allSatisfy { $0.heat.requestsPerSecond == 0 })
    }

    /// Goal: a rate is right from the first second on, and halves in each half-life without requests.
    @Test func ratesRiseAtOnceAndDecay() {
        let rig = Rig()
        for nowMs: UInt64 in 1...60_000 {
            rig.record([1], nowMs: nowMs)
            if nowMs == 1_001 || nowMs % 10_000 == 0 {
                let rate = rig.rates(nowMs: nowMs)[[1]]!
                #expect(abs(rate - 1_000) < 10, "\(rate) after \(nowMs) ms")
            }
        }
        for (halfLives, expected): (UInt64, Double) in [(1, 500), (2, 250), (5, 31)] {
            let rate = rig.rates(nowMs: 60_000 + halfLives * 10_000)[[1]]!
            #expect(abs(rate / expected - 1) < 0.04, "\(rate) and not \(expected)")
        }
        #expect(rig.rates(nowMs: 60_000 + 300_000).isEmpty, "vanished")
    }

    /// Goal: no jump of time spoils anything. Method: forward by any distance, backward, and on as if nothing was.
    @Test(arguments: [319_000, 321_000, 3_600_000, 86_400_000_000, UInt64.max / 2])
    func timeMayJump(distanceMs: UInt64) {
        let rig = Rig()
        for nowMs: UInt64 in 0..<2_000 { rig.record([1], nowMs: nowMs) }
        for nowMs in distanceMs..<(distanceMs + 5_000) { rig.record([2], isWrite: true, nowMs: nowMs) }
        // The window is longer than what has been counted only if the first requests are still remembered.
        let rate = rig.rates(nowMs: distanceMs + 5_000)[[2]]!
        #expect((280...1_020).contains(rate), "\(rate)")
        #expect(rig.rates(nowMs: distanceMs + 5_000)[[1]] == nil)
        for nowMs: UInt64 in 0..<100 { rig.record([3], nowMs: nowMs) }
        let rates = rig.rates(nowMs: 50)
        #expect(rates[[3]]! > 0 && rates.values.allSatisfy { $0.isFinite && $0 >= 0 }, "\(rates)")
    }

    @Test func afterALongSilenceRatesAreRightAtOnce() {
        let rig = Rig()
        rig.record([1], nowMs: 0)
        for nowMs: UInt64 in 3_600_000..<3_602_000 { rig.record([2], nowMs: nowMs) }
        #expect(abs(rig.rates(nowMs: 3_602_000)[[2]]! - 1_000) < 10)
    }

    /// Goal: the scale begins anew, every five minutes, without a trace. Method: an hour of one key, ten a second.
    @Test func theScaleBeginsAnewUnseen() {
        let rig = Rig()
        for step: UInt64 in 1...36_000 {
            rig.record([1], slot: 200, weight: 3, nowMs: step * 100)
            guard step % 100 == 0, step > 1_000 else { continue }
            let snapshot = rig.snapshot(nowMs: step * 100)
            let rates = [
                snapshot.keys[0].heat.requestsPerSecond, snapshot.shards[0].requestsPerSecond,
                snapshot.slots[3].heat.requestsPerSecond,
            ]
            #expect(rates.allSatisfy { abs($0 - 30) < 0.5 }, "\(rates) after \(step) steps")
        }
    }

    // MARK: Keys

    @Test func anyBytesAreAKey() {
        let rig = Rig()
        let keys: [[UInt8]] = [
            [], [0], [0, 0], [13, 10], Array(0...255), Array(repeating: 7, count: 256), Array("schlüssel".utf8),
        ]
        for nowMs: UInt64 in 0..<1_000 { for key in keys { rig.record(key, nowMs: nowMs) } }
        let rates = rig.rates(nowMs: 1_000)
        #expect(Set(rates.keys) == Set(keys))
        #expect(rates.values.allSatisfy { abs($0 - 1_000) < 10 })
    }

    @Test func longKeysAreToldApartAndShownByTheirBeginning() {
        let rig = Rig()
        let begin = [UInt8](repeating: UInt8(ascii: "a"), count: 256)
        for nowMs: UInt64 in 0..<1_000 {
            rig.record(begin, nowMs: nowMs)
            rig.record(begin + [1], nowMs: nowMs)
            rig.record(begin + [2], nowMs: nowMs)
            rig.record(begin + [UInt8](repeating: 3, count: 100_000), nowMs: nowMs)
        }
        let keys = rig.snapshot(nowMs: 1_000).keys
        #expect(keys.count == 4 && keys.allSatisfy { $0.key.bytes == begin })
        #expect(keys.allSatisfy { abs($0.heat.readsPerSecond - 1_000) < 10 })
        let ends = Set(keys.map { String(decoding: $0.key.text.dropFirst(256), as: UTF8.self) })
        #expect(ends == ["", "…(257 bytes)", "…(100256 bytes)"])
    }

    /// Goal: of two keys with one hash the first keeps its own rate. Method: a hash that is given.
    @Test func keysOfOneHashAreNotMixed() {
        let rig = Rig()
        for nowMs: UInt64 in 0..<1_000 {
            rig.record([1], hash: 99, nowMs: nowMs)
            for _ in 0..<5 { rig.record([2], hash: 99, nowMs: nowMs) }
        }
        let rates = rig.rates(nowMs: 1_000)
        #expect(rates.count == 1 && abs(rates[[1]]! - 1_000) < 10, "\(rates)")
        #expect(abs(rig.snapshot(nowMs: 1_000).shards[0].readsPerSecond - 6_000) < 60)
    }

    /// Goal: whatever comes, nothing is hot that is not asked for. Method: every key is new.
    @Test func keysThatAreNeverAskedForAgainAreNotHot() {
        var random = SeededRandom.announced()
        let rig = Rig()
        for nowMs: UInt64 in 0..<10_000 {
            for _ in 0..<15 {
                rig.record(withUnsafeBytes(of: random.next()) { Array($0) }, weight: 32, nowMs: nowMs)
            }
        }
        let keys = rig.snapshot(nowMs: 10_000).keys
        #expect(keys.allSatisfy { $0.sampleCount < 1.001 && $0.heat.requestsPerSecond < 5 })
        var policy = HotKeyPolicy()
        policy.requestsPerSecondMin = 1
        policy.sharePercentMin = 0
        #expect(!keys.contains { policy.isHot($0, wasHot: false) })
    }

    /// Goal: Space-Saving's promise. Method: few counters, and a key with a fifth of a stream of new ones.
    @Test func aHeavyKeyIsNeverLost() {
        var random = SeededRandom.announced()
        let rig = Rig {
            $0.counterCount = 16
            $0.nameCount = 4
        }
        for nowMs: UInt64 in 0..<20_000 {
            let isHeavy = nowMs % 4 == 0
            rig.record(isHeavy ? [1] : withUnsafeBytes(of: random.next()) { Array($0) }, nowMs: nowMs)
        }
        #expect(abs(rig.rates(nowMs: 20_000)[[1]]! - 250) < 10)
    }

    // MARK: Bytes

    @Test func bytesAreThoseOfRequestsAndReplies() {
        let rig = Rig()
        for nowMs: UInt64 in 0..<10_000 {
            let handle = rig.record([1], sizeBytes: 50, nowMs: nowMs)
            // Some replies never come, and so does not a place for each request: the mean is as good.
            if nowMs % 3 == 0 { rig.sketch.noteReply(handle, sizeBytes: 950, nowMs: nowMs) }
        }
        let key = rig.snapshot(nowMs: 10_000).keys[0]
        #expect(abs(key.bytesPerSecond - 1_000_000) < 10_000, "\(key.bytesPerSecond)")
        #expect(rig.snapshot(nowMs: 10_000).bigKeys.isEmpty)
    }

    @Test func bigKeysAreFoundWhetherTheyAreHotOrNot() {
        var random = SeededRandom.announced()
        let rig = Rig { $0.bigKeyCount = 4 }
        for nowMs: UInt64 in 0..<10_000 {
            let handle = rig.record(withUnsafeBytes(of: random.next()) { Array($0) }, nowMs: nowMs)
            rig.sketch.noteReply(handle, sizeBytes: 5, nowMs: nowMs)
        }
        for index: UInt8 in 0..<6 {
            let reply = rig.record([index], shard: 1, nowMs: 10_000)
            rig.sketch.noteReply(reply, sizeBytes: 20_000 * (1 + Int(index)), nowMs: 10_000)
        }
        rig.record([9], isWrite: true, sizeBytes: 1_000_000, nowMs: 10_000)
        let again = rig.record([5], nowMs: 10_001)
        rig.sketch.noteReply(again, sizeBytes: 11_000, nowMs: 10_001)
        let big = HotKeyReport([rig.snapshot(nowMs: 10_002)], countMax: 10).bigKeys
        #expect(big.map(\.key.bytes) == [[9], [5], [4], [3]])
        #expect(big.map(\.sizeBytes) == [1_000_000, 120_000, 100_000, 80_000])
        #expect(big.map(\.shardIndex) == [0, 1, 1, 1])
        #expect(rig.snapshot(nowMs: 10_002 + BigKeys.lifetimeMs).bigKeys.isEmpty)
    }

    /// Goal: a size goes to no other key's request. Method: handles that are late, used twice, or of nobody.
    @Test func lateRepliesAreNobodys() {
        let rig = Rig()
        let handle = rig.record([1], nowMs: 0)
        #expect(handle.isAwaited && !ReplyHandle.none.isAwaited)
        var others: [ReplyHandle] = []
        for index: UInt8 in 0..<40 { others.append(rig.record([2, index], nowMs: 1)) }
        #expect(others.prefix(31).allSatisfy(\.isAwaited) && !others.dropFirst(31).contains(where: \.isAwaited))
        for nowMs: UInt64 in 20_000..<20_033 { rig.record([3], nowMs: nowMs) }
        rig.sketch.noteReply(handle, sizeBytes: 1_000_000, nowMs: 20_040)
        rig.sketch.noteReply(.none, sizeBytes: 1_000_000, nowMs: 20_040)
        #expect(rig.snapshot(nowMs: 20_040).bigKeys.isEmpty)
        let twice = rig.record([4], nowMs: 40_000)
        rig.sketch.noteReply(twice, sizeBytes: 20_000, nowMs: 40_000)
        rig.sketch.noteReply(twice, sizeBytes: 30_000, nowMs: 40_000)
        #expect(rig.snapshot(nowMs: 40_000).bigKeys.map(\.sizeBytes) == [20_000])
    }

    // MARK: Slots

    @Test func rangesOfSlotsKnowTheirHeatAndShard() {
        let rig = Rig()
        for nowMs: UInt64 in 0..<1_000 {
            rig.record([1], shard: 1, slot: 16_383, isWrite: true, nowMs: nowMs)
            rig.record([2], shard: 0, slot: 64, nowMs: nowMs)
            rig.record([3], shard: 1, slot: 127, nowMs: nowMs)
        }
        let slots = HotKeyReport([rig.snapshot(nowMs: 1_000)], countMax: 10).slots
        #expect(slots.count == 1 && slots[0].slots.map(\.slotFirst) == [64, 16_320])
        #expect(slots[0].slots.map(\.slotLast) == [127, 16_383])
        #expect(slots[0].slots.map(\.shardIndex) == [nil, 1])
        #expect(abs(slots[0].slots[0].heat.readsPerSecond - 2_000) < 20)
        #expect(abs(slots[0].slots[1].heat.writesPerSecond - 1_000) < 10 && slots[0].slots[1].heat.readsPerSecond == 0)
    }
}
