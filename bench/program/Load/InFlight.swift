// InFlight: the operations of one connection that are on their way, oldest first, with the moments they count from.
// Replies come in the order of the requests, so a ring is all it takes. Its size is fixed: who sends asks `isFull`.
// Not here: what an operation is (OperationSource).

struct InFlight: ~Copyable {
    struct Entry: BitwiseCopyable {
        var operation: Operation
        var startNs: UInt64
        /// One of its replies was counted as an error.
        var hasFailed = false
        /// One of its replies was nil.
        var hasMissed = false
    }

    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int
    private var head = 0
    private(set) var count = 0

    init(countMax: Int) {
        precondition(countMax > 0)
        var capacity = 1
        while capacity < countMax { capacity *= 2 }
        entries = .allocate(capacity: capacity)
        mask = capacity - 1
    }

    deinit { entries.deallocate() }

    var isFull: Bool { count > mask }

    /// The oldest; there must be one.
    @inline(__always)
    var first: UnsafeMutablePointer<Entry> { entries + head }

    @inline(__always)
    mutating func append(_ operation: Operation, startNs: UInt64) {
        precondition(count <= mask, "InFlight: more in flight than there is room for")
        (entries + ((head &+ count) & mask)).initialize(to: Entry(operation: operation, startNs: startNs))
        count &+= 1
    }

    @inline(__always)
    mutating func removeFirst() {
        head = (head &+ 1) & mask
        count &-= 1
    }
}
