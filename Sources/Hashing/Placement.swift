// Placement: which server of a pool owns a key; immutable, a pure function of what it is built from.
// Servers are told and answered in config order; twemproxy's own order (by name) stays inside. A change of
// servers, an ejection too, is a new placement. It owns the memory that its views read.
// Not here: the look-up per key (PlacementView), where points lie (RingPoints).

package final class Placement: Sendable {
    /// Largest sum of the weights of one pool.
    package static let weightSumMax = Int(Int32.max)

    /// For the data path; valid as long as this object lives.
    package let view: PlacementView
    /// In config order, the excluded ones too.
    package let servers: [RingServer]
    /// Sorted by value. ketama: every virtual node. The others: the last number of each server's run, which counts
    /// entries of twemproxy's list (modula), servers (random) or slots.
    package let points: [RingPoint]
    /// How many numbers the points divide; 0 without points.
    package let valueCount: UInt64
    package var distribution: Distribution { view.distribution }
    package var hash: KeyHash { view.hash }

    /// - Parameter hashTag: nil hashes whole keys, except that `slots` then takes Valkey Cluster's braces.
    /// - Parameter servers: in config order, names distinct, weights as `RingServer` says.
    /// - Parameter excluding: indices of ejected servers. The ring is that of the other servers alone, as in twemproxy.
    package init(
        distribution: Distribution, hash: KeyHash, charSign: CharSign, hashTag: HashTag?, servers: [RingServer],
        excluding: Set<Int> = []
    ) {
        precondition(servers.allSatisfy { $0.weight >= 1 && $0.weight <= Self.weightSumMax })
        precondition(servers.reduce(0) { $0 + $1.weight } <= Self.weightSumMax)
        precondition(excluding.allSatisfy { servers.indices.contains($0) })
        self.servers = servers

        let live = servers.indices.filter { !excluding.contains($0) }
        let ring = live.isEmpty ? nil : RingPoints(distribution, servers: servers, live: live)
        points = ring?.points ?? []
        valueCount = ring?.valueCount ?? 0

        let path: PlacementView.Path =
            if live.count <= 1 {
                .constant
            } else if distribution == .ketama && hash == .fnv1a_64 {
                .ketamaByFNV1a64
            } else {
                .general
            }
        let index = BucketTable(points, valueCount: valueCount)
        view = PlacementView(
            path: path, distribution: distribution, hash: hash, charSign: charSign, charMask: charSign.mask,
            hashTag: hashTag, constantServer: Int32(live.first ?? -1),
            valueCount: UInt32(truncatingIfNeeded: valueCount), points: index.points, buckets: index.buckets,
            bucketShift: index.shift, tables: .allocate())
    }

    deinit {
        view.points.deallocate()
        view.buckets.deallocate()
        view.tables.deallocate()
    }

    /// The same pool without these servers, given as indices of all.
    package func excluding(_ indices: Set<Int>) -> Placement {
        Placement(
            distribution: view.distribution, hash: view.hash, charSign: view.charSign, hashTag: view.hashTag,
            servers: servers, excluding: indices)
    }

    /// The configured hash of the part of `key` that counts, before any distribution; 0 for an empty key.
    package func hashValue(of key: [UInt8]) -> UInt32 {
        key.withKeyBytes { view.hashValue(of: $0, count: key.count) }
    }

    /// The slot that Valkey Cluster gives `key`, whatever this pool's distribution; a hash tag replaces the braces.
    package func slot(of key: [UInt8]) -> Int {
        key.withKeyBytes { Int(view.slot(of: $0, count: key.count)) }
    }

    /// The owner of a number of the ring, so the first server of `points` at or above it; -1 without points.
    ///
    /// - Parameter value: ketama: a hash. The others: below the sum of weights, the server count, or 16384.
    package func server(ofValue value: UInt32) -> Int {
        guard valueCount > 0 else { return -1 }
        precondition(value < valueCount)  // Memory safety: the table ends there.
        return view.server(at: value)
    }

    /// ketama: virtual nodes. modula: weight. random: 1. slots: slots. 0 for an excluded server.
    package func pointCount(ofServer server: Int) -> Int {
        precondition(servers.indices.contains(server))
        if view.distribution == .ketama { return points.count { $0.server == server } }
        return Int(ownedValueCount(ofServer: server))
    }

    /// The part of the hash space, or of the slots, that a server owns: 0 ... 1, with sum 1 over the pool.
    package func share(ofServer server: Int) -> Double {
        precondition(servers.indices.contains(server))
        guard valueCount > 0 else { return 0 }
        return Double(ownedValueCount(ofServer: server)) / Double(valueCount)
    }

    private func ownedValueCount(ofServer server: Int) -> UInt64 {
        guard let last = points.last else { return 0 }
        var owned: UInt64 = 0
        var start: UInt64 = 0  // First value of the point in turn.
        for point in points {
            let end = UInt64(point.value) + 1
            if point.server == server { owned += end - start }
            start = end
        }
        let wrapped = valueCount - 1 - UInt64(last.value)  // These go to the first point.
        return points[0].server == server ? owned + wrapped : owned
    }
}

/// The raw memory that a view searches: points with their wrap-around entry, and the table over the top bits.
private struct BucketTable {
    let points: UnsafePointer<RingPoint>
    let buckets: UnsafePointer<UInt32>
    let shift: UInt32

    init(_ sorted: [RingPoint], valueCount: UInt64) {
        let points = UnsafeMutablePointer<RingPoint>.allocate(capacity: sorted.count + 1)
        for (index, point) in sorted.enumerated() { (points + index).initialize(to: point) }
        let wrapped = RingPoint(value: .max, server: sorted.first?.server ?? 0)
        (points + sorted.count).initialize(to: wrapped)

        // Two to four buckets a point, so that most hold none or one; never more buckets than numbers.
        let valueBits = max(1, bitCount(valueCount > 0 ? valueCount - 1 : 0))
        let bucketBits = min(valueBits, max(1, bitCount(UInt64(sorted.count)) + 1))
        let shift = UInt32(valueBits - bucketBits)
        let bucketCount = 1 << bucketBits
        let buckets = UnsafeMutablePointer<UInt32>.allocate(capacity: bucketCount + 1)
        var first = 0
        for bucket in 0...bucketCount {
            let start = UInt64(bucket) << UInt64(shift)
            while first < sorted.count, UInt64(sorted[first].value) < start { first += 1 }
            (buckets + bucket).initialize(to: UInt32(first))
        }
        self.points = UnsafePointer(points)
        self.buckets = UnsafePointer(buckets)
        self.shift = shift
    }
}

/// Bits that `value` needs: 0 for 0, 14 for 16383.
private func bitCount(_ value: UInt64) -> Int { UInt64.bitWidth - value.leadingZeroBitCount }

extension [UInt8] {
    /// An empty array may have no address; the data path never sees a nil one.
    func withKeyBytes<Answer>(_ body: (UnsafePointer<UInt8>) -> Answer) -> Answer {
        withUnsafeBufferPointer { bytes in
            if let start = bytes.baseAddress { return body(start) }
            var none: UInt8 = 0
            return withUnsafePointer(to: &none) { body($0) }
        }
    }
}
