// OneAtATime: Bob Jenkins' one-at-a-time hash, with C's `char` widened as CharSign says.

func oneAtATime(_ key: UnsafePointer<UInt8>, count: Int, charMask: UInt32) -> UInt32 {
    var hash: UInt32 = 0
    for index in 0..<count {
        hash &+= widened(key[index], charMask: charMask)
        hash &+= hash << 10
        hash ^= hash >> 6
    }
    hash &+= hash << 3
    hash ^= hash >> 11
    hash &+= hash << 15
    return hash
}
