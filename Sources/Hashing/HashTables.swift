// HashTables: the look-up tables of CRC16 and CRC32 in raw memory, filled once and never written again.
// A Placement owns one set; its view carries the pointers, so the data path reads them without any check.

struct HashTables: BitwiseCopyable, @unchecked Sendable {
    /// 256 entries each.
    let crc16: UnsafePointer<UInt16>
    let crc32: UnsafePointer<UInt32>

    /// The caller ends it with `deallocate`.
    static func allocate() -> HashTables {
        let crc16 = UnsafeMutablePointer<UInt16>.allocate(capacity: 256)
        let crc32 = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
        for index in 0..<256 {
            (crc16 + index).initialize(to: crc16TableEntry(index))
            (crc32 + index).initialize(to: crc32TableEntry(index))
        }
        return HashTables(crc16: UnsafePointer(crc16), crc32: UnsafePointer(crc32))
    }

    func deallocate() {
        crc16.deallocate()
        crc32.deallocate()
    }
}
