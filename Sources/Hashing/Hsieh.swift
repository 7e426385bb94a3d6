// Hsieh: Paul Hsieh's SuperFastHash, started at 0 as twemproxy starts it (the original starts at the length).
// Only the third byte of a three-byte tail is widened as a C `char`, so only there CharSign matters.

func superFastHash(_ key: UnsafePointer<UInt8>, count: Int, charMask: UInt32) -> UInt32 {
    var hash: UInt32 = 0
    let tail = count & ~3
    for offset in stride(from: 0, to: tail, by: 4) {
        hash &+= key.halfWord(at: offset)
        hash = (hash << 16) ^ (key.halfWord(at: offset + 2) << 11) ^ hash
        hash &+= hash >> 11
    }
    switch count & 3 {
    case 3:
        hash &+= key.halfWord(at: tail)
        hash ^= hash << 16
        hash ^= widened(key[tail + 2], charMask: charMask) << 18
        hash &+= hash >> 11
    case 2:
        hash &+= key.halfWord(at: tail)
        hash ^= hash << 11
        hash &+= hash >> 17
    case 1:
        hash &+= UInt32(key[tail])
        hash ^= hash << 10
        hash &+= hash >> 1
    default:
        break
    }
    hash ^= hash << 3
    hash &+= hash >> 5
    hash ^= hash << 4
    hash &+= hash >> 17
    hash ^= hash << 25
    hash &+= hash >> 6
    return hash
}
