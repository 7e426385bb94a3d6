// KeyList: the argument indexes of a request's keys, in request order.
// One list serves a worker for its whole life: capacity is kept between requests up to a named bound.
// Not here: finding the keys (KeyFinder).

/// Growable raw memory; no reference counting, no allocation once it is warm.
public struct KeyList: ~Copyable {
    /// Indexes kept between requests; a request with more gives the rest back when the next one starts. 16 KiB.
    public static var keptCountMax: Int { 4096 }

    @usableFromInline var storage: UnsafeMutablePointer<UInt32>
    @usableFromInline private(set) var capacity: Int
    public private(set) var count: Int

    public init() {
        capacity = 16
        storage = .allocate(capacity: capacity)
        count = 0
    }

    deinit { storage.deallocate() }

    /// The argument index of key `index`, which must be below `count`.
    @inlinable
    public subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count)  // Memory safety: stays in release.
        return Int(storage[index])
    }

    package var capacityCount: Int { capacity }

    public mutating func removeAll() {
        count = 0
        if capacity > Self.keptCountMax { move(toCapacity: Self.keptCountMax) }
    }

    public mutating func append(_ argumentIndex: Int) {
        if count == capacity { move(toCapacity: capacity * 2) }
        storage[count] = UInt32(argumentIndex)
        count += 1
    }

    private mutating func move(toCapacity wanted: Int) {
        let moved = UnsafeMutablePointer<UInt32>.allocate(capacity: wanted)
        moved.update(from: storage, count: min(count, wanted))
        storage.deallocate()
        storage = moved
        capacity = wanted
    }
}
