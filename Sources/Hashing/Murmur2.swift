// Murmur2: Austin Appleby's MurmurHash2 (32 bits) with twemproxy's seed, which depends on the length.

func murmur2(_ key: UnsafePointer<UInt8>, count: Int) -> UInt32 {
    let multiplier: UInt32 = 0x5bd1_e995
    let length = UInt32(truncatingIfNeeded: count)
    var hash = (0xdead_beef &* length) ^ length
    let tail = count & ~3
    for offset in stride(from: 0, to: tail, by: 4) {
        var word = key.word(at: offset) &* multiplier
        word ^= word >> 24
        hash = (hash &* multiplier) ^ (word &* multiplier)
    }
    if tail < count {
        hash = (hash ^ key.partialWord(at: tail, count: count - tail)) &* multiplier
    }
    hash = (hash ^ (hash >> 13)) &* multiplier
    return hash ^ (hash >> 15)
}
