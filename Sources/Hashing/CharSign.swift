// CharSign: whether a key byte of 0x80 or more is widened as C's signed or unsigned `char`.
// twemproxy leaves it to the compiler, so x86-64 (signed) and ARM Linux (unsigned) builds of it place such keys
// differently. It matters to the fnv family, one_at_a_time and the last byte of hsieh; the other hashes mask it away.

/// The `char` of the machine whose twemproxy is to be matched. The raw value is the word in the config file.
public enum CharSign: String, CaseIterable, Sendable, BitwiseCopyable {
    /// x86-64: 0xff widens to 0xffffffff.
    case signed
    /// ARM Linux: 0xff widens to 0x000000ff.
    case unsigned

    /// What stays of a sign-extended byte; a mask costs no branch per byte.
    @inlinable
    public var mask: UInt32 { self == .signed ? 0xffff_ffff : 0xff }
}

/// `byte` as C widens a `char` to 32 bits, with `charMask` from `CharSign.mask`.
@inlinable
public func widened(_ byte: UInt8, charMask: UInt32) -> UInt32 {
    UInt32(bitPattern: Int32(Int8(bitPattern: byte))) & charMask
}
