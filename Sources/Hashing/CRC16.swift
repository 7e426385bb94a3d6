// CRC16: CRC-16/XMODEM (polynomial 0x1021, start 0, not reflected) in the two forms that the field uses:
// Valkey Cluster's 16-bit checksum and twemproxy's `crc16`, which never masks its 32-bit accumulator.
// The table comes in as an argument (HashTables): a global one would cost an initialisation check per use.

/// Entry `index` of the byte-wise table.
func crc16TableEntry(_ index: Int) -> UInt16 {
    var remainder = UInt16(index) << 8
    for _ in 0..<8 {
        remainder = remainder & 0x8000 == 0 ? remainder << 1 : (remainder << 1) ^ 0x1021
    }
    return remainder
}

/// twemproxy's `crc16`: the low 16 bits are the checksum, the high 16 are what was shifted out, and they count.
func crc16Unmasked(_ key: UnsafePointer<UInt8>, count: Int, table: UnsafePointer<UInt16>) -> UInt32 {
    var checksum: UInt32 = 0
    for index in 0..<count {
        let row = Int(((checksum >> 8) ^ UInt32(key[index])) & 0xff)
        checksum = (checksum << 8) ^ UInt32(table[row])
    }
    return checksum
}

/// The checksum itself, 0 for no bytes. Valkey Cluster's slot is its remainder by 16384.
func crc16Checksum(_ key: UnsafePointer<UInt8>, count: Int, table: UnsafePointer<UInt16>) -> UInt16 {
    UInt16(truncatingIfNeeded: crc16Unmasked(key, count: count, table: table))
}
