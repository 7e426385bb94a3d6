// CRC32: the common CRC-32 (polynomial 0x04c11db7 reflected, start and end inverted).
// twemproxy's `crc32a` is the whole of it, `crc32` only its bits 16 to 30, as libmemcached had it (see KeyHash).
// The table comes in as an argument (HashTables): a global one would cost an initialisation check per use.

/// Entry `index` of the byte-wise table.
func crc32TableEntry(_ index: Int) -> UInt32 {
    var remainder = UInt32(index)
    for _ in 0..<8 {
        remainder = remainder & 1 == 0 ? remainder >> 1 : (remainder >> 1) ^ 0xedb8_8320
    }
    return remainder
}

func crc32Checksum(_ key: UnsafePointer<UInt8>, count: Int, table: UnsafePointer<UInt32>) -> UInt32 {
    var checksum: UInt32 = 0xffff_ffff
    for index in 0..<count {
        let row = Int((checksum ^ UInt32(key[index])) & 0xff)
        checksum = (checksum >> 8) ^ table[row]
    }
    return ~checksum
}
