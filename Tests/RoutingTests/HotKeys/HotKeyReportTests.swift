import TestKit
import Testing
import Wire

@testable import Routing

struct HotKeyReportTests {
    private func key(
        _ text: String, pool: Int = 0, shard: Int = 0, reads: Double = 0, writes: Double = 0, bytes: Double = 0
    ) -> HotKey {
        HotKey(
            key: shown(text), poolIndex: pool, shardIndex: shard,
            heat: HeatRate(readsPerSecond: reads, writesPerSecond: writes), bytesPerSecond: bytes, sampleCount: 10)
    }

    private func shown(_ text: String) -> ShownKey {
        ShownKey(bytes: Array(text.utf8), sizeBytes: text.utf8.count, hash: UInt64(text.utf8.count))
    }

    private func snapshot(
        pool: Int = 0, keys: [HotKey] = [], shards: [Double] = [], slots: [SlotHeat] = [], big: [BigKey] = []
    ) -> HotKeySnapshot {
        HotKeySnapshot(
            poolIndex: pool, keys: keys, shards: shards.map { HeatRate(readsPerSecond: $0) }, slots: slots,
            bigKeys: big)
    }

    @Test func nothingOfNobody() {
        let report = HotKeyReport([], countMax: 10)
        #expect(report.keys.isEmpty && report.bigKeys.isEmpty && report.slots.isEmpty)
    }

    @Test func ratesOfOneKeyAddUpAndPoolsStayApart() {
        let report = HotKeyReport(
            [
                snapshot(keys: [key("a", reads: 10, writes: 1, bytes: 100), key("b", reads: 40)], shards: [60]),
                snapshot(keys: [key("a", reads: 20, writes: 2, bytes: 50)], shards: [50]),
                snapshot(keys: [], shards: [22]),
                snapshot(pool: 1, keys: [key("a", pool: 1, writes: 5)], shards: [5]),
            ], countMax: 10)
        #expect(report.keys.map(\.key.text) == ["b", "a", "a"].map { Array($0.utf8) })
        #expect(report.keys.map(\.poolIndex) == [0, 0, 1])
        #expect(report.keys[1].heat == HeatRate(readsPerSecond: 30, writesPerSecond: 3))
        #expect(report.keys[1].bytesPerSecond == 150 && report.keys[1].sampleCount == 20)
        #expect(report.keys.map(\.sharePercent) == [100 * 40 / 132, 25, 100])
    }

    @Test func theShardIsTheOneWithMostOfItsRequests() {
        let report = HotKeyReport(
            [
                snapshot(keys: [key("a", shard: 0, reads: 10)], shards: [100, 0]),
                snapshot(keys: [key("a", shard: 1, reads: 30)], shards: [0, 80]),
                snapshot(keys: [key("a", shard: 0, reads: 20)], shards: [100, 0]),
            ], countMax: 10)
        #expect(report.keys.map(\.shardIndex) == [1] && report.keys[0].sharePercent == 75)
    }

    @Test func theListIsSortedAndCutAsAsked() {
        let keys = [
            key("a", reads: 100), key("bb", reads: 10, writes: 50, bytes: 10), key("ccc", writes: 55, bytes: 900),
        ]
        func first(_ order: HotKeyReport.Order) -> [String] {
            HotKeyReport([snapshot(keys: keys, shards: [300])], countMax: 2, order: order).keys.map {
                String(decoding: $0.key.text, as: UTF8.self)
            }
        }
        #expect(first(.requests) == ["a", "bb"] && first(.reads) == ["a", "bb"])
        #expect(first(.writes) == ["ccc", "bb"] && first(.bytes) == ["ccc", "bb"])
    }

    @Test func ofABigKeyTheLargestSizeCounts() {
        func big(_ text: String, _ sizeBytes: Int) -> BigKey {
            BigKey(key: shown(text), poolIndex: 0, shardIndex: 0, sizeBytes: sizeBytes)
        }
        let report = HotKeyReport(
            [snapshot(big: [big("a", 5), big("bb", 7)]), snapshot(big: [big("a", 9), big("ccc", 1)])], countMax: 2)
        #expect(report.bigKeys == [big("a", 9), big("bb", 7)])
    }

    @Test func slotsOfWorkersAddUp() {
        func slots(_ heats: [(Double, Int?)]) -> [SlotHeat] {
            heats.enumerated().map { index, heat in
                SlotHeat(slotFirst: index * 64, shardIndex: heat.1, heat: HeatRate(readsPerSecond: heat.0))
            }
        }
        let report = HotKeyReport(
            [
                snapshot(slots: slots([(0, nil), (5, 1), (9, 2), (0, nil)])),
                snapshot(slots: slots([(30, 0), (5, 1), (9, 3), (0, nil)])),
            ], countMax: 3)
        #expect(report.slots[0].slots.map(\.slotFirst) == [0, 128, 64])
        #expect(report.slots[0].slots.map(\.shardIndex) == [0, nil, 1])
        #expect(report.slots[0].slots.map(\.heat.readsPerSecond) == [30, 18, 10])
    }

    /// Goal: what several workers see is what one would. Method: one trace, dealt to three.
    @Test func workersTogetherSeeWhatIsTrue() {
        var random = SeededRandom.announced(unlessGiven: 41)
        let seed = random.next()
        let sketches = (0..<3).map { _ in
            HotKeySketch.allocate(HotKeySketchOptions(shardCount: 1), seed: seed, nowMs: 0)
        }
        defer { for sketch in sketches { sketch.deallocate() } }
        for nowMs: UInt64 in 0..<5_000 {
            for index in 0..<10 {
                // Key 7 has three in ten, and comes to all workers.
                let key: [UInt8] = index < 3 ? [7] : withUnsafeBytes(of: random.next()) { Array($0) }
                key.withUnsafeBufferPointer {
                    _ = sketches[random.below(3)].record(
                        HotKeySample(
                            key: ByteView(start: $0.baseAddress!, count: key.count), slot: 0, shardIndex: 0,
                            isWrite: false, sizeBytes: 10, weight: 1), nowMs: nowMs)
                }
            }
        }
        let report = HotKeyReport(sketches.map { $0.snapshot(poolIndex: 0, nowMs: 5_000) }, countMax: 1)
        #expect(report.keys[0].key.bytes == [7] && abs(report.keys[0].sharePercent - 30) < 0.1)
        #expect(abs(report.keys[0].heat.readsPerSecond - 3_000) < 60)
    }
}
