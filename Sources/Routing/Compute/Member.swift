// Member: the bytes of one element of a set or sorted set, to be looked up and sorted.
// Order is memcmp's with the shorter first, as sorted sets have it for equal scores. Hashed in one piece: an array of
// bytes hashes byte by byte, which is many times slower.

struct Member: Hashable, Comparable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    static func < (left: Member, right: Member) -> Bool {
        left.bytes.withUnsafeBytes { left in
            right.bytes.withUnsafeBytes { right in
                for index in 0..<min(left.count, right.count) where left[index] != right[index] {
                    return left[index] < right[index]
                }
                return left.count < right.count
            }
        }
    }
}
