// IndexQueue: indices of connections that wait for their turn, first come first served. Whoever puts one in sees to it
// that it is in only once, so the room is fixed.
// Not here: what they wait for (LoadThread).

struct IndexQueue: ~Copyable {
    private let indices: UnsafeMutablePointer<Int32>
    private let capacity: Int
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
        indices = .allocate(capacity: self.capacity)
    }

    deinit { indices.deallocate() }

    @inline(__always)
    mutating func append(_ index: Int) {
        precondition(count < capacity, "IndexQueue: an index is in it twice")
        var place = head &+ count
        if place >= capacity { place &-= capacity }
        indices[place] = Int32(truncatingIfNeeded: index)
        count &+= 1
    }

    @inline(__always)
    mutating func popFirst() -> Int? {
        if count == 0 { return nil }
        let index = Int(indices[head])
        head &+= 1
        if head == capacity { head = 0 }
        count &-= 1
        return index
    }
}
