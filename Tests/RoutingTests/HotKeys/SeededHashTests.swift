import TestKit
import Testing

@testable import Routing

struct SeededHashTests {
    /// Goal: every byte and the length count, and so does the seed. Method: neighbours of random keys.
    @Test func neighboursDiffer() {
        var random = SeededRandom.announced()
        let guarded = GuardedBytes()
        func hash(_ key: [UInt8], seed: UInt64 = 1) -> UInt64 {
            SeededHash.value(of: guarded.place(key), count: key.count, seed: seed)
        }
        for _ in 0..<500 {
            let key = random.bytes(countMax: 40)
            let value = hash(key)
            #expect(value == hash(key) && value != hash(key, seed: 2) && value != hash(key + [0]))
            for index in key.indices {
                var other = key
                other[index] ^= 1 << UInt8(random.below(8))
                #expect(hash(other) != value)
            }
        }
    }

    /// Goal: counters are used alike. Method: keys that differ in one digit, low bits of their hashes.
    @Test func lowBitsSpread() {
        let guarded = GuardedBytes()
        var counts = [Int](repeating: 0, count: 128)
        for index in 0..<12_800 {
            let key = Array("key:\(index)".utf8)
            counts[Int(SeededHash.value(of: guarded.place(key), count: key.count, seed: 7) & 127)] += 1
        }
        #expect(counts.allSatisfy { (50...160).contains($0) }, "\(counts)")
    }
}
