// SeededHash: 64 bits for a key, from a seed that no client knows, so that nobody can make keys that share a counter.
// Eight bytes at a time, each folded in by a full product (as wyhash does); not for secrets.
// Not here: where a key lives (Hashing). Those hashes are known to everybody.

package enum SeededHash {
    private static let multiplier: UInt64 = 0xa076_1d64_78bd_642f

    package static func value(of key: UnsafePointer<UInt8>, count: Int, seed: UInt64) -> UInt64 {
        let bytes = UnsafeRawPointer(key)
        var hash = fold(seed ^ UInt64(truncatingIfNeeded: count), by: multiplier)
        var offset = 0
        while count &- offset >= 8 {
            hash = fold(hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), by: multiplier)
            offset &+= 8
        }
        var rest: UInt64 = 0
        while offset < count {
            rest = rest &<< 8 | UInt64(key[offset])
            offset &+= 1
        }
        return fold(fold(hash ^ rest, by: multiplier), by: 0xe703_7ed1_a0b4_28db)
    }

    @inline(__always)
    private static func fold(_ word: UInt64, by factor: UInt64) -> UInt64 {
        // Without the sum a word of 0 would stay 0 for good.
        let product = (word &+ 0x8ebc_6af0_9c88_c6e3).multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }
}
