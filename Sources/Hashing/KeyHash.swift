// KeyHash: the twelve key hashes of twemproxy, by the words of its config file.
// All give 32 bits and agree with twemproxy to the bit, its quirks included; each lives in the file of its family.
// Not here: which bytes of a key are hashed (HashTag), what the number then means (Placement).

/// How a pool turns the hashed region of a key into 32 bits. The raw value is the word in the config file.
// swift-format-ignore: AlwaysUseLowerCamelCase
// Spelled as those words, by which everybody knows them.
public enum KeyHash: String, CaseIterable, Sendable, BitwiseCopyable {
    case one_at_a_time
    case md5
    case crc16
    case crc32
    case crc32a
    case fnv1_64
    case fnv1a_64
    case fnv1_32
    case fnv1a_32
    case hsieh
    case murmur
    case jenkins

    /// The hash of `count` bytes; 0 for none, as twemproxy, which then does not call the function at all.
    func value(of key: UnsafePointer<UInt8>, count: Int, charSign: CharSign, tables: HashTables) -> UInt32 {
        guard count > 0 else { return 0 }
        return switch self {
        case .one_at_a_time: oneAtATime(key, count: count, charMask: charSign.mask)
        case .md5: MD5.digest(key, count: count)[0]
        case .crc16: crc16Unmasked(key, count: count, table: tables.crc16)
        case .crc32: (crc32Checksum(key, count: count, table: tables.crc32) >> 16) & 0x7fff
        case .crc32a: crc32Checksum(key, count: count, table: tables.crc32)
        case .fnv1_64: FNV.multiplyThenXor(key, count: count, .low64, charMask: charSign.mask)
        case .fnv1a_64: FNV.xorThenMultiply(key, count: count, .low64, charMask: charSign.mask)
        case .fnv1_32: FNV.multiplyThenXor(key, count: count, .plain32, charMask: charSign.mask)
        case .fnv1a_32: FNV.xorThenMultiply(key, count: count, .plain32, charMask: charSign.mask)
        case .hsieh: superFastHash(key, count: count, charMask: charSign.mask)
        case .murmur: murmur2(key, count: count)
        case .jenkins: jenkinsLookup3(key, count: count)
        }
    }
}
