// RingPoints: where each server's points lie, for the four distributions.
// A pure function of names, weights and order; twemproxy's arithmetic is followed to the last bit of a float.
// Not here: looking points up (PlacementView).

/// How many slots Valkey Cluster has.
package let slotCount = 16384

/// The points of a pool, sorted by value, and how many numbers they divide.
struct RingPoints {
    let points: [RingPoint]
    /// 2^32 for ketama, the sum of weights for modula, the servers for random, 16384 for slots.
    let valueCount: UInt64

    /// - Parameter live: indices into `servers`, ascending; not empty.
    init(_ distribution: Distribution, servers: [RingServer], live: [Int]) {
        let ordered = live.sorted { left, right in
            if servers[left].precedes(servers[right]) { return true }
            return left < right && !servers[right].precedes(servers[left])
        }
        let weights = live.reduce(0) { $0 + servers[$1].weight }
        switch distribution {
        case .ketama:
            points = Self.ketama(servers, ordered, weightSum: weights)
            valueCount = 1 << 32
        case .modula:
            // twemproxy lists each server `weight` times; a run of the list needs only its end.
            points = Self.runs(ordered) { servers[$0].weight }
            valueCount = UInt64(weights)
        case .random:
            points = Self.runs(ordered) { _ in 1 }
            valueCount = UInt64(ordered.count)
        case .slots:
            points = Self.slots(servers, live, weightSum: weights)
            valueCount = UInt64(slotCount)
        }
    }

    private static func runs(_ order: [Int], size: (Int) -> Int) -> [RingPoint] {
        var end = 0
        return order.map { server in
            end += size(server)
            return RingPoint(value: UInt32(end - 1), server: UInt32(server))
        }
    }

    /// twemproxy's `ketama`: four points per MD5 of `<ring name>-<number>`.
    private static func ketama(_ servers: [RingServer], _ order: [Int], weightSum: Int) -> [RingPoint] {
        let textSizeBytesMax = 272  // twemproxy prints into a buffer of 273.
        var placed: [UInt64] = []  // Value above, place in `order` below: equal values go to the earlier server.
        placed.reserveCapacity(order.count * 160)
        for (rank, server) in order.enumerated() {
            let prefix = Array(servers[server].name.utf8) + [UInt8(ascii: "-")]
            let digests = ketamaDigestCount(servers[server].weight, weightSum: weightSum, liveCount: order.count)
            for number in 0..<digests {
                let text = Array((prefix + String(number).utf8).prefix(textSizeBytesMax))
                let digest = text.withUnsafeBufferPointer { bytes in
                    bytes.baseAddress.map { MD5.digest($0, count: bytes.count) } ?? SIMD4()
                }
                for word in 0..<4 { placed.append(UInt64(digest[word]) << 32 | UInt64(rank)) }
            }
        }
        placed.sort()
        return placed.map { entry in
            let rank = Int(entry & 0xffff_ffff)
            return RingPoint(value: UInt32(entry >> 32), server: UInt32(order[rank]))
        }
    }

    /// 40 for an equal share, in C's `float` at every step: rounding takes one away in pools of 25, 47, 50, 55, ...
    /// servers, and keys are where they are because of it.
    private static func ketamaDigestCount(_ weight: Int, weightSum: Int, liveCount: Int) -> Int {
        let share = Float(weight) / Float(weightSum)
        let digests = share * 160 / 4 * Float(liveCount)
        return Int(Float(Double(digests) + 1e-10).rounded(.down))
    }

    /// Server after server in config order, each up to but not including slot
    /// floor(16384 * weights so far / all weights + 1/2), in exact integers.
    ///
    /// For equal weights these are the ranges of `redis-cli --cluster create`; from 78 servers on the `float` that it
    /// sums in may put single borders one slot aside. A weight below 1/32768 of the sum may get no slot.
    private static func slots(_ servers: [RingServer], _ live: [Int], weightSum: Int) -> [RingPoint] {
        var points: [RingPoint] = []
        var weightSoFar = 0
        var end = 0
        for server in live {
            weightSoFar += servers[server].weight
            let nextEnd = (2 * slotCount * weightSoFar + weightSum) / (2 * weightSum)
            if nextEnd > end { points.append(RingPoint(value: UInt32(nextEnd - 1), server: UInt32(server))) }
            end = nextEnd
        }
        return points
    }
}
