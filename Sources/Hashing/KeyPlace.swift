// KeyPlace: the steps from a key to its server, for people who ask why it is there.
// Not here: the look-up per key, which keeps none of them (PlacementView).

package struct KeyPlace: Equatable, Sendable {
    /// The part of the key that is hashed.
    package let hashed: [UInt8]
    /// Its hash. `slots` takes CRC16, whatever the pool names.
    package let hash: UInt32
    /// What of the ring the hash falls on. ketama: the point at or above it. modula: its remainder by the sum of the
    /// weights. slots: the slot.
    package let point: UInt32
    /// In config order.
    package let serverIndex: Int
}

extension Placement {
    /// Nil where no key has a server of its own: `random`, or no server is left.
    package func place(of key: [UInt8]) -> KeyPlace? {
        guard distribution != .random, valueCount > 0 else { return nil }
        let hashed = hashedPart(of: key)
        let hash = distribution == .slots ? UInt32(crc16(of: hashed)) : hashValue(of: key)
        let number = distribution == .ketama ? hash : hash % UInt32(valueCount)
        let point = distribution == .ketama ? (points.first { $0.value >= hash } ?? points[0]).value : number
        return KeyPlace(hashed: hashed, hash: hash, point: point, serverIndex: server(ofValue: number))
    }

    private func hashedPart(of key: [UInt8]) -> [UInt8] {
        let tag = view.hashTag ?? (distribution == .slots ? .braces : nil)
        guard let tag else { return key }
        return key.withKeyBytes { bytes in
            let region = tag.region(of: bytes, count: key.count)
            return Array(UnsafeBufferPointer(start: region.start, count: region.count))
        }
    }

    private func crc16(of bytes: [UInt8]) -> UInt16 {
        bytes.withKeyBytes { crc16Checksum($0, count: bytes.count, table: view.tables.crc16) }
    }
}
