// InFlightQueue: who waits for the replies of one backend connection, in the order of the requests.
// A backend answers in order, so the front of this queue owns the next reply. A request that timed out stays in its
// place as a tombstone, and its late reply falls into it.
//
//      front                                                back
//        | tombstone | tombstone | live | tombstone | live |
//                                ^ firstLive
//
// Invariant: front <= firstLive <= back, and everything before firstLive is a tombstone. Behind it some may be, where
// requests have deadlines of different lengths.
// Not here: what a ticket means (Session gives it out and takes it back).

/// Names the place that a reply goes to. Upstream carries it and never looks at `owner` or `index`.
public struct ReplyTicket: BitwiseCopyable {
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Nobody any more: the request timed out, and its late reply is swallowed. `index` is the tag of the client
        /// that it was of, where that matters.
        case tombstone
        /// Nobody from the start: a reply that stands behind another one, such as a transaction's QUEUED.
        case unheard
        /// A slot of a client: the reply may be handed over in pieces.
        case reply
        /// A slot of a client, and behind it those of others who have asked for the same.
        case shared
        /// A part of a merge: the reply is gathered whole.
        case part
        /// Keyway's own check of a shard; `owner` is the shard.
        case check
        /// A read that becomes a copy of a hot key; `owner` is Session's.
        case copy
        /// A read that may have its client wait for a missing key; `owner` is Session's.
        case guarded
        /// The question whether that key is there now; `owner` is Session's.
        case question
        /// A step on the way to copies on several servers; `owner` and `index` are Session's.
        case making
        /// A client's read of such a copy, or the question whether the copy is there; `owner` is Session's.
        case spread
        /// What is asked beside a copy, or to know that the connection lives: nobody waits, and it has no deadline.
        case pulse
    }

    /// What else decides about a request that is late or lost.
    public struct Traits: OptionSet, BitwiseCopyable, Sendable {
        public let rawValue: UInt8

        @inlinable
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Those of a request that is forwarded as it is.
        @inlinable
        public init(isWrite: Bool, isScript: Bool) {
            self = isWrite ? .movable : [.movable, .repeatable]
            if isScript { insert(.script) }
        }

        /// It has the time that scripts have.
        public static var script: Traits { Traits(rawValue: 1) }
        /// It only reads, so that it may be sent once more.
        public static var repeatable: Traits { Traits(rawValue: 2) }
        /// It was sent once more.
        public static var repeated: Traits { Traits(rawValue: 4) }
        /// Its bytes are one request by itself, which another connection may carry as well.
        public static var movable: Traits { Traits(rawValue: 8) }
        /// The command can change data, so its outcome matters when no reply comes.
        public static var write: Traits { Traits(rawValue: 16) }
    }

    public var owner: UnsafeMutableRawPointer?
    public var index: UInt32
    public var kind: Kind
    public var traits: Traits
    /// Which copies of hot keys end with the reply; 0 for none. Session's.
    public var hotMark: UInt16

    @inlinable
    public init(
        owner: UnsafeMutableRawPointer?, index: UInt32, kind: Kind, isWrite: Bool, traits: Traits = [],
        hotMark: UInt16 = 0
    ) {
        self.hotMark = hotMark
        self.owner = owner
        self.index = index
        self.kind = kind
        self.traits = isWrite ? traits.union(.write) : traits
    }

    @inlinable
    public var isWrite: Bool { traits.contains(.write) }

    /// Somebody waits for the reply, so it can be late.
    @inlinable
    public var isAwaited: Bool { kind != .tombstone && kind != .unheard && kind != .pulse }

    /// For a reply that nobody waits for.
    public static var unheard: ReplyTicket { ReplyTicket(owner: nil, index: 0, kind: .unheard, isWrite: false) }

    /// The reply is no one's.
    public static var nobody: ReplyTicket {
        ReplyTicket(owner: nil, index: 0, kind: .tombstone, isWrite: false)
    }
}

/// One request that was given to a connection.
public struct InFlight: BitwiseCopyable {
    public var ticket: ReplyTicket
    /// Low bits of the worker's clock when it came.
    public var arrivedMs: UInt32
    /// Bytes that it takes on the connection.
    public var sizeBytes: UInt32

    @inlinable
    public init(ticket: ReplyTicket, arrivedMs: UInt32, sizeBytes: UInt32) {
        self.ticket = ticket
        self.arrivedMs = arrivedMs
        self.sizeBytes = sizeBytes
    }
}

/// A ring that grows by doubling and gives memory back when it is empty.
public struct InFlightQueue: BitwiseCopyable {
    @usableFromInline var entries: UnsafeMutablePointer<InFlight>
    @usableFromInline var mask: Int
    @usableFromInline var front = 0
    @usableFromInline var back = 0
    @usableFromInline var firstLive = 0

    private static let capacityMin = 16
    private static let capacityKept = 1_024

    public init() {
        entries = .allocate(capacity: Self.capacityMin)
        mask = Self.capacityMin - 1
    }

    public func deallocate() { entries.deallocate() }

    @inlinable public var count: Int { back &- front }
    @inlinable public var isEmpty: Bool { back == front }

    /// Looks at every entry.
    public var tombstoneCount: Int {
        var count = firstLive - front
        for index in firstLive..<back where entries[index & mask].ticket.kind == .tombstone { count += 1 }
        return count
    }

    /// Entries from here on may be live; counted from the front.
    public var firstLiveIndex: Int { firstLive - front }

    @inlinable
    public mutating func append(_ entry: InFlight) {
        if back &- front > mask { grow() }
        entries[back & mask] = entry
        back &+= 1
    }

    /// The owner of the reply that comes next; the queue must not be empty.
    @inlinable
    public var first: InFlight { entries[front & mask] }

    @inlinable
    public mutating func removeFirst() {
        front &+= 1
        if firstLive < front { firstLive = front }
        if front == back && mask >= 1_024 { shrink() }
    }

    /// Entries are numbered on and on, so that a number means one entry as long as none is taken out of the middle.
    @inlinable
    public var newestNumber: Int { back &- 1 }

    /// Nil when it has left.
    @inlinable
    public func index(ofNumber number: Int) -> Int? { number >= front && number < back ? number &- front : nil }

    /// The request that somebody has waited for longest; nil when nobody waits.
    public var oldestLive: InFlight? {
        var index = firstLive
        while index < back, !entries[index & mask].ticket.isAwaited { index += 1 }
        return index < back ? entries[index & mask] : nil
    }

    /// The place of entry `index`, counted from the front, stays; its reply will be swallowed.
    ///
    /// - Parameter clientTag: of whose request it was; the tombstone keeps it as its `index`. 0 for nobody's.
    public mutating func bury(at index: Int, clientTag: UInt32 = 0) {
        precondition(index >= 0 && index < count)
        let place = (front + index) & mask
        entries[place].ticket = ReplyTicket(
            owner: nil, index: clientTag, kind: .tombstone, isWrite: entries[place].ticket.isWrite)
        while firstLive < back, entries[firstLive & mask].ticket.kind == .tombstone { firstLive += 1 }
    }

    /// The reply under way is of no more use; its rest is swallowed.
    public mutating func buryFirst() { bury(at: 0) }

    /// Entry `index` counted from the front.
    public subscript(index: Int) -> InFlight {
        get {
            precondition(index >= 0 && index < count)
            return entries[(front + index) & mask]
        }
        set {
            precondition(index >= 0 && index < count)
            entries[(front + index) & mask] = newValue
            if newValue.ticket.kind != .tombstone { firstLive = min(firstLive, front + index) }
        }
    }

    /// Drops the first `dropCount` entries at once.
    public mutating func removeFirst(_ dropCount: Int) {
        precondition(dropCount <= count)
        front += dropCount
        firstLive = max(firstLive, front)
        if front == back && mask >= 1_024 { shrink() }
    }

    /// What Keyway tells a server of its own accord: nobody waits for its answer, and nobody would miss it at once.
    public func isTold(at index: Int) -> Bool { self[index].ticket.kind == .unheard && self[index].sizeBytes > 0 }

    /// Where the request of entry `index` begins: a transaction's is one block of bytes that belongs to its last entry,
    /// and the places of its other replies, without bytes, go with it.
    public func groupStart(of index: Int) -> Int {
        var start = index
        while start > 0, self[start - 1].ticket.kind == .unheard, self[start - 1].sizeBytes == 0 { start -= 1 }
        return start
    }

    /// Takes entries out, wherever they are, `range` counted from the front; later ones move up.
    public mutating func removeSubrange(_ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        for index in range.upperBound..<count { self[index - range.count] = self[index] }
        back -= range.count
        firstLive = min(firstLive, front + range.lowerBound)
        if front == back && mask >= 1_024 { shrink() }
    }

    @usableFromInline @inline(never)
    mutating func grow() { resize(to: (mask + 1) * 2) }

    @usableFromInline @inline(never)
    mutating func shrink() {
        if mask + 1 > Self.capacityKept { resize(to: Self.capacityMin) }
    }

    private mutating func resize(to capacity: Int) {
        let resized = UnsafeMutablePointer<InFlight>.allocate(capacity: capacity)
        for index in front..<back { resized[index & (capacity - 1)] = entries[index & mask] }
        entries.deallocate()
        entries = resized
        mask = capacity - 1
    }
}
