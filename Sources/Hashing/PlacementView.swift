// PlacementView: the hot half of Placement, key bytes in, server out. Plain values over the placement's raw memory.
// Every distribution is one look-up: a number, and the first point at or above it. A table over the number's top
// bits gives the few points among which to look, so the cost does not grow with the ring.
// Not here: how points come about (RingPoints), who owns the memory (Placement).

/// One entry of a ring. It owns the numbers above the point before it, up to and including `value`.
public struct RingPoint: BitwiseCopyable, Sendable, Equatable {
    public let value: UInt32
    /// Index in config order.
    public let server: UInt32

    @inlinable
    public init(value: UInt32, server: UInt32) {
        self.value = value
        self.server = server
    }
}

/// Answers for a `Placement`, and only as long as it lives: whoever stores a view must hold its placement too.
/// The memory behind it never changes, so any thread may read it.
public struct PlacementView: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline
    enum Path: UInt8, BitwiseCopyable, Sendable {
        /// One server or none: the key is not looked at.
        case constant
        /// twemproxy's defaults, ketama by fnv1a_64.
        case ketamaByFNV1a64
        case general
    }

    @usableFromInline let path: Path
    let distribution: Distribution
    let hash: KeyHash
    let charSign: CharSign
    @usableFromInline let charMask: UInt32
    @usableFromInline let hashTag: HashTag?
    /// The answer of `.constant`: a server, or -1.
    @usableFromInline let constantServer: Int32
    /// How many numbers the ring divides, for every distribution but ketama (there it is 2^32 and this is 0).
    let valueCount: UInt32
    /// Sorted by value; after the last comes a copy of the first server's, where numbers wrap around to.
    @usableFromInline let points: UnsafePointer<RingPoint>
    /// Entry `b` is the index of the first point whose value is at least `b << bucketShift`; one entry past the end.
    @usableFromInline let buckets: UnsafePointer<UInt32>
    @usableFromInline let bucketShift: UInt32
    let tables: HashTables

    /// The server of a key: an index in config order, or -1 if every server is excluded.
    ///
    /// - Parameter key: `count` bytes, 0 or more; any bytes.
    /// - Parameter random: 32 random bits, read by the distribution `random` alone.
    /// - Complexity: one pass over the key; no allocation, no reference counting.
    @inlinable
    public func serverIndex(key: UnsafePointer<UInt8>, count: Int, random: UInt32) -> Int {
        switch path {
        case .constant:
            return Int(constantServer)
        case .ketamaByFNV1a64:
            let region = hashedRegion(of: key, count: count)
            guard region.count > 0 else { return server(at: 0) }  // twemproxy: the hash of nothing is 0.
            return server(at: FNV.xorThenMultiply(region.start, count: region.count, .low64, charMask: charMask))
        case .general:
            return generalServerIndex(key: key, count: count, random: random)
        }
    }

    /// Kept out of line so that the common path stays small where it is inlined.
    @inline(never)
    @usableFromInline
    func generalServerIndex(key: UnsafePointer<UInt8>, count: Int, random: UInt32) -> Int {
        switch distribution {
        case .ketama: server(at: hashValue(of: key, count: count))
        case .modula: server(at: hashValue(of: key, count: count) % valueCount)
        case .random: server(at: UInt32((UInt64(random) * UInt64(valueCount)) >> 32))
        case .slots: server(at: slot(of: key, count: count))
        }
    }

    /// The configured hash of the key's region, before any distribution.
    func hashValue(of key: UnsafePointer<UInt8>, count: Int) -> UInt32 {
        let region = hashedRegion(of: key, count: count)
        return hash.value(of: region.start, count: region.count, charSign: charSign, tables: tables)
    }

    /// Valkey Cluster's slot, 0 ... 16383, with the pool's hash tag in place of the braces if it has one.
    package func slot(of key: UnsafePointer<UInt8>, count: Int) -> UInt32 {
        let region = (hashTag ?? .braces).region(of: key, count: count)
        return UInt32(crc16Checksum(region.start, count: region.count, table: tables.crc16)) % UInt32(slotCount)
    }

    @inlinable
    func hashedRegion(of key: UnsafePointer<UInt8>, count: Int) -> (start: UnsafePointer<UInt8>, count: Int) {
        guard let hashTag else { return (key, count) }
        return hashTag.region(of: key, count: count)
    }

    /// What is hashed in place of the whole key; nil where the key has no hash tag.
    public func tag(of key: UnsafePointer<UInt8>, count: Int) -> UnsafeBufferPointer<UInt8>? {
        let region = hashedRegion(of: key, count: count)
        return region.count == count ? nil : UnsafeBufferPointer(start: region.start, count: region.count)
    }

    /// The owner of a number of the ring: the server of the first point at or above it, else of the first point.
    @inlinable
    @inline(__always)
    func server(at value: UInt32) -> Int {
        let bucket = Int(value &>> bucketShift)
        var low = Int(buckets[bucket])
        var high = Int(buckets[bucket &+ 1])
        while low < high {  // Mostly 0 or 1 turns; halving keeps it short where points crowd.
            let middle = (low &+ high) &>> 1
            if points[middle].value < value { low = middle &+ 1 } else { high = middle }
        }
        return Int(points[low].server)
    }
}
