// Client: one client connection. A small struct and nothing else while the client is idle: what it needs to receive, to
// wait and to send is lent by its worker's pools and given back.
//
//     socket ──► worker's scratch, or intake ──► requests ──► slots [head ... tail) ──► out ──► socket
//
// Ownership: a client owns its descriptor, its intake's chunk, its slots and the references in them and in `out`.
// A closed client lives on, without descriptor and buffers, until no request of it is under way any more.
// Not here: what requests do (Engine+Requests), the socket calls (Worker).

import Platform
import Upstream
import Wire

typealias ClientRef = UnsafeMutablePointer<Client>

/// Why a client's requests are not read at the moment. Empty: they are.
struct Gate: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// As many requests wait for replies as one client may have.
    static let inFlight = Gate(rawValue: 1)
    /// The client does not take its replies.
    static let output = Gate(rawValue: 2)
    /// Everything before must be answered first, to keep the order across two lines.
    static let barrier = Gate(rawValue: 4)
    /// A long request is on its way on a line of its own.
    static let transfer = Gate(rawValue: 8)
    /// Nothing more will be read: QUIT, a protocol error, the client's end of file, or a drain.
    static let ending = Gate(rawValue: 16)
    /// Servers are asked what must be known before the request at hand is handled.
    static let asking = Gate(rawValue: 32)
    /// CLIENT PAUSE.
    static let paused = Gate(rawValue: 64)
    /// The worker's buffers take nearly all that they may.
    static let memory = Gate(rawValue: 128)
}

struct ClientFlags: OptionSet, BitwiseCopyable {
    let rawValue: UInt32
    /// The connection is gone; the struct waits for its last replies.
    static let closed = ClientFlags(rawValue: 1)
    static let dirty = ClientFlags(rawValue: 2)
    /// The socket took no more; EPOLLOUT will tell.
    static let blocked = ClientFlags(rawValue: 4)
    static let authenticated = ClientFlags(rawValue: 8)
    static let replyOff = ClientFlags(rawValue: 16)
    /// The next request's reply is dropped.
    static let replySkip = ClientFlags(rawValue: 32)
    /// In the list of clients whose gate has opened.
    static let resuming = ClientFlags(rawValue: 64)
    static let noEvict = ClientFlags(rawValue: 128)
    static let noTouch = ClientFlags(rawValue: 256)
    /// A line is not read because this client does not take its reply.
    static let pausesLine = ClientFlags(rawValue: 512)
    /// Something about this client makes its requests take the long way: a transaction, subscriptions,
    /// CLIENT CACHING.
    static let uncommon = ClientFlags(rawValue: 1_024)
    /// A request that concerns a hot key has gone another way than copies do; see Engine+Copies.
    static let hotTouched = ClientFlags(rawValue: 2_048)
    /// KEYWAY CACHE OFF.
    static let refusesCopies = ClientFlags(rawValue: 4_096)
    /// It was told that a key is missing, and is expected to bring it.
    static let holdsLease = ClientFlags(rawValue: 8_192)
    /// `fillCount` is not 0.
    static let waitsForFills = ClientFlags(rawValue: 16_384)
    /// It goes to the process that takes this one's place; see Engine+Handover.
    static let leaving = ClientFlags(rawValue: 32_768)
    /// Its places are among those of other clients that the same reply goes to.
    static let sharesReplies = ClientFlags(rawValue: 65_536)
    /// Since it was last written to; see Engine+Holding.
    static let tookCopies = ClientFlags(rawValue: 131_072)
    /// Among the clients whose replies wait for the next turn.
    static let held = ClientFlags(rawValue: 262_144)
    /// They have waited for this turn.
    static let wasHeld = ClientFlags(rawValue: 524_288)

    /// Requests may take the short way.
    @inline(__always)
    var isPlain: Bool { intersection([.authenticated, .uncommon]) == .authenticated }
    /// And nothing of it waits for copies, so that a long request would be put off.
    var isSwift: Bool { intersection([.authenticated, .uncommon, .waitsForFills]) == .authenticated }
}

/// The front of requests that are not all there, or not yet wanted.
struct Intake: BitwiseCopyable {
    /// Unread bytes are `[startBytes, chunk.fillBytes)`.
    var chunk: ChunkRef
    var startBytes: Int
    /// Bytes behind `startBytes` that the scanner has seen.
    var scannedBytes = 0
    var scanner = RequestScanner()

    /// The first `count` bytes are dealt with; the scanner starts anew behind them.
    mutating func consume(_ count: Int) {
        startBytes += count
        scannedBytes = 0
        scanner = RequestScanner()
    }

    var unreadBytes: Int { chunk.pointee.fillBytes - startBytes }
    var start: UnsafeMutablePointer<UInt8> { chunk.data + startBytes }
}

struct Client: BitwiseCopyable {
    var descriptor: Int32
    var flags: ClientFlags = []
    var gate: Gate = []
    /// The poller's idea of what is watched.
    var watched: Interest
    private let poolNumber: UInt16
    /// Reads that were queued before this stamp are not joined; see Engine+Coalescing.
    var joinsFrom: UInt32 = 0
    let id: Int
    /// What the client speaks since its last HELLO.
    var version = RESPVersion.two
    var database: Int32
    /// The first line of the client's dialect in a shard's lines.
    var lineBase: Int32 = 0
    /// Behind the last request that `hotTouched` is of, in the order of replies; 0 once all of that time are answered.
    var hotTail: UInt32 = 0
    /// Shards that the client may have written to: bit `index % 64`.
    var writtenShards: UInt64 = 0
    /// Seconds of the worker's clock.
    let connectedAtS: UInt32
    var activeAtS: UInt32

    var slots: UnsafeMutablePointer<ReplySlot>?
    var slotMask: UInt32 = 0
    var head: UInt32 = 0
    var tail: UInt32 = 0
    /// Requests given to a line or a merge whose replies have not come: who still points at this client.
    var unansweredCount: UInt32 = 0
    /// Moving average, so that a client of long replies has few of them under way.
    var replyBytesAverage: UInt32 = Client.replyBytesAverageFirst
    /// Copies of hot keys that were asked for earlier are too old for this client.
    var stampMin: UInt32 = 0
    /// Bytes of replies that have come and are not yet sent.
    var heldBytes = 0

    var intake: UnsafeMutablePointer<Intake>?
    var out = SegmentQueue()
    var transfer: TransferRef?
    /// The last read of a copy on a server that is not answered.
    var lastSpread: SpreadReadRef?
    var details: Unmanaged<ClientDetails>?
    var state: ClientStateRef?
    var commandCount = 0
    var lastCommand: UInt16 = 0
    /// Fills that the client waits for.
    var fillCount: UInt16 = 0
    /// Since when `heldBytes` is over the soft limit, in seconds of the worker's clock; 0: it is not.
    var overSoftSinceS: UInt32 = 0

    var nextDirty: ClientRef?
    var nextResuming: ClientRef?
    var previous: ClientRef?
    var next: ClientRef?

    /// A new client may be one of long replies.
    static let replyBytesAverageFirst: UInt32 = 1_048_576

    init(descriptor: Int32, poolIndex: Int, id: Int, database: Int, nowS: UInt32, ageS: Int = 0) {
        self.database = Int32(database)
        self.descriptor = descriptor
        poolNumber = UInt16(poolIndex)
        self.id = id
        connectedAtS = nowS &- UInt32(truncatingIfNeeded: ageS)
        activeAtS = nowS
        watched = .read
    }

    @inline(__always)
    var poolIndex: Int { Int(poolNumber) }

    var inFlightCount: Int { Int(tail &- head) }
}

/// What only some clients have; made when first needed.
final class ClientDetails {
    var name = ""
    var libraryName = ""
    var libraryVersion = ""
    /// It said CLIENT CAPA REDIRECT.
    var takesRedirections = false
}

extension UnsafeMutablePointer where Pointee == Client {
    @inline(__always)
    func slot(_ sequence: UInt32) -> UnsafeMutablePointer<ReplySlot> {
        pointee.slots.unsafelyUnwrapped + Int(sequence & pointee.slotMask)
    }

    /// Takes the next place in the order of replies.
    @inline(__always)
    func pushSlot(pool: inout SlotPool) -> UInt32 {
        let sequence = pointee.tail
        if pointee.slots == nil || sequence &- pointee.head > pointee.slotMask { growSlots(pool: &pool) }
        var slot = ReplySlot()
        slot.command = pointee.lastCommand
        slot.arrivedUs = pool.nowUs
        if !pointee.flags.isDisjoint(with: [.replyOff, .replySkip]) {
            slot.marks = .suppressed
            pointee.flags.remove(.replySkip)
        }
        self.slot(sequence).initialize(to: slot)
        pointee.tail = sequence &+ 1
        return sequence
    }

    @inline(never)
    private func growSlots(pool: inout SlotPool) {
        guard let old = pointee.slots else {
            pointee.slots = pool.take(capacity: SlotPool.capacityMin)
            pointee.slotMask = UInt32(SlotPool.capacityMin - 1)
            return
        }
        let capacity = Int(pointee.slotMask) + 1
        let wider = pool.take(capacity: capacity * 2)
        var sequence = pointee.head
        while sequence != pointee.tail {
            wider[Int(sequence & (pointee.slotMask * 2 + 1))] = old[Int(sequence & pointee.slotMask)]
            sequence &+= 1
        }
        pool.giveBack(old, capacity: capacity)
        pointee.slots = wider
        pointee.slotMask = pointee.slotMask * 2 + 1
    }

    /// The ring goes back as soon as it is empty.
    @inline(__always)
    func giveBackEmptySlots(pool: inout SlotPool) {
        guard pointee.head == pointee.tail, let ring = pointee.slots else { return }
        pool.giveBack(ring, capacity: Int(pointee.slotMask) + 1)
        pointee.slots = nil
        pointee.head = 0
        pointee.tail = 0
        pointee.hotTail = 0
    }

    var details: ClientDetails {
        if let details = pointee.details { return details.takeUnretainedValue() }
        let made = ClientDetails()
        pointee.details = .passRetained(made)
        return made
    }
}
