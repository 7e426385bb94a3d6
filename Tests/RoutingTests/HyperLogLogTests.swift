import TestKit
import Testing

@testable import Routing

private let header = Array("HYLL".utf8)

/// A value with the count marked stale.
private func value(_ encoding: UInt8, _ body: [UInt8]) -> [UInt8] {
    header + [encoding, 0, 0, 0] + [0, 0, 0, 0, 0, 0, 0, 0x80] + body
}

/// `count` zeros in the sparse form.
private func zeros(_ count: Int) -> [UInt8] { [0x40 | UInt8((count - 1) >> 8), UInt8((count - 1) & 255)] }

struct HyperLogLogTests {
    /// Method: each was given to Valkey 9.1 as one of two keys of PFCOUNT.
    @Test(
        arguments: [
            (value(1, zeros(16384)), .merged, 0),
            (value(1, zeros(16383) + [0x84]), .merged, 1),
            (value(1, zeros(16384 - 257) + [0x41]), .merged, 0),
            (value(1, zeros(16384 - 256) + [0x41]), .corrupted, 0),
            (value(1, zeros(16384 - 257) + [0x41, 0]), .merged, 0),
            (value(1, []), .corrupted, 0),
            (value(1, zeros(16000)), .corrupted, 0),
            (value(1, zeros(16384) + zeros(1)), .corrupted, 0),
            (value(1, zeros(16384) + [0x80]), .corrupted, 0),
            (value(1, zeros(16383) + [0x81]), .corrupted, 0),
            (value(0, [UInt8](repeating: 0x11, count: 12288)), .merged, 378148),
            (value(0, [UInt8](repeating: 0xFF, count: 12288)), .merged, .min),
            (value(0, [UInt8](repeating: 0, count: 12288)), .merged, 0),
            (value(0, [UInt8](repeating: 0, count: 100)), .notOne, 0),
            (value(0, [UInt8](repeating: 0, count: 12289)), .notOne, 0),
            (value(2, [UInt8](repeating: 0, count: 12288)), .notOne, 0),
            (header, .notOne, 0),
            (Array("HYLM".utf8) + [UInt8](repeating: 0, count: 30), .notOne, 0),
        ] as [([UInt8], HyperLogLog.Merging, Int)])
    func valuesAreReadAsValkeyReadsThem(value: [UInt8], merging: HyperLogLog.Merging, count: Int) {
        var union = HyperLogLog()
        #expect(union.merge(value) == merging)
        if merging == .merged { #expect(union.count == count) }
    }

    @Test func theStoredCountIsReadUnlessItIsStale() {
        #expect(HyperLogLog.storedCount(of: value(1, [])) == nil)
        #expect(HyperLogLog.storedCount(of: header + [1, 0, 0, 0, 0x2C, 1, 0, 0, 0, 0, 0, 0]) == 300)
        #expect(HyperLogLog.storedCount(of: header) == nil)
    }

    @Test func unionsTakeTheHigherRegister() {
        let low = value(1, zeros(100) + [0x80 | 2 << 2] + zeros(16283))
        let high = value(1, zeros(100) + [0x80 | 9 << 2] + zeros(16283))
        var one = HyperLogLog()
        var both = HyperLogLog()
        #expect(one.merge(high) == .merged)
        #expect(both.merge(high) == .merged && both.merge(low) == .merged && both.merge(high) == .merged)
        #expect(one.count == both.count)
    }

    /// Goal: no value of a peer crashes it. Method: sparse and dense values with bytes changed or cut.
    @Test func bytesOfAnyKindAreSurvived() {
        var random = SeededRandom.announced()
        for _ in 0..<2_000 {
            var bytes = value(UInt8(random.below(2)), random.bytes(countMax: 60) + zeros(16000) + [0x84, 0x10])
            bytes[random.below(bytes.count)] = UInt8(random.below(256))
            bytes.removeLast(random.below(20))
            var union = HyperLogLog()
            if union.merge(bytes) == .merged { _ = union.count }
        }
    }
}
