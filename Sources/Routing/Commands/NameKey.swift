// NameKey: a command's name packed into two words, letter case folded.
// The rule: two names of one length up to 16 bytes have equal keys exactly when they differ in the case of a-z only.
// Not here: the table of names (CommandTable).

/// Up to 8 bytes: all of them, zero padded, in `head`. Longer: the first 8 and the last 8, which may overlap.
@usableFromInline
struct NameKey: BitwiseCopyable, Equatable {
    @usableFromInline let head: UInt64
    @usableFromInline let tail: UInt64

    @inlinable
    init(head: UInt64, tail: UInt64) {
        self.head = head
        self.tail = tail
    }

    /// `count` must be above 0. Reads inside `name ..< name + count` only: short names by overlapping smaller reads.
    @inlinable
    init(_ name: UnsafePointer<UInt8>, count: Int) {
        let raw = UnsafeRawPointer(name)
        if count >= 8 {
            head = Self.folded(raw.loadUnaligned(as: UInt64.self))
            tail = count == 8 ? 0 : Self.folded((raw + (count &- 8)).loadUnaligned(as: UInt64.self))
            return
        }
        var packed: UInt64
        if count >= 4 {
            let low = UInt64(UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self)))
            let high = UInt64(UInt32(littleEndian: (raw + (count &- 4)).loadUnaligned(as: UInt32.self)))
            packed = low | (high &<< UInt64(truncatingIfNeeded: (count &- 4) &* 8))
        } else {
            packed = UInt64(name[0])
            packed |= UInt64(name[count &>> 1]) &<< UInt64(truncatingIfNeeded: (count &>> 1) &* 8)
            packed |= UInt64(name[count &- 1]) &<< UInt64(truncatingIfNeeded: (count &- 1) &* 8)
        }
        head = Self.folded(packed)
        tail = 0
    }

    /// Bytes a-z to A-Z, all others as they are; eight at once.
    @inlinable
    static func folded(_ word: UInt64) -> UInt64 {
        let sevenBits = word & 0x7f7f_7f7f_7f7f_7f7f
        let fromA = sevenBits &+ 0x1f1f_1f1f_1f1f_1f1f  // Bit 7 of each byte: at least 0x61, "a".
        let pastZ = sevenBits &+ 0x0505_0505_0505_0505  // Bit 7 of each byte: above 0x7a, "z".
        let lower = fromA & ~pastZ & ~word & 0x8080_8080_8080_8080
        return word ^ (lower &>> 2)  // 0x80 >> 2 is 0x20, the bit between the cases.
    }

    @inlinable
    func place(count: Int, parent: UInt16, mask: Int) -> Int {
        let salt = UInt64(parent) &<< 8 | UInt64(truncatingIfNeeded: count)
        let mixed =
            (head &* 0x9e37_79b9_7f4a_7c15) ^ ((tail ^ salt) &* 0xc2b2_ae3d_27d4_eb4f)
        return Int(truncatingIfNeeded: (mixed ^ (mixed &>> 32)) &>> 16) & mask
    }
}
