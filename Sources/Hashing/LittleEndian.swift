// LittleEndian: unaligned little-endian reads, the only way the word-wise hashes look at a key.

extension UnsafePointer<UInt8> {
    /// The 2 bytes at `offset`.
    func halfWord(at offset: Int) -> UInt32 {
        UInt32(UInt16(littleEndian: UnsafeRawPointer(self + offset).loadUnaligned(as: UInt16.self)))
    }

    /// The 4 bytes at `offset`.
    func word(at offset: Int) -> UInt32 {
        UInt32(littleEndian: UnsafeRawPointer(self + offset).loadUnaligned(as: UInt32.self))
    }

    /// The `count` bytes at `offset`, at most 4 of them, with zeros for the rest; 0 where `count` is 0 or less.
    func partialWord(at offset: Int, count: Int) -> UInt32 {
        var word: UInt32 = 0
        var index = 0
        while index < count, index < 4 {
            word |= UInt32(self[offset + index]) << UInt32(8 * index)
            index += 1
        }
        return word
    }
}
