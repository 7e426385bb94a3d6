// Connection: one client of the load: its socket, what it has in flight, what is to be sent, and what of a reply is
// kept until the rest comes.
//
//   received:  | leftover | new bytes ...                          |
//              | reply | reply | reply | begin of a ─► kept | leftover: the front of a header
//
// Whole replies are judged where they were received. Of a reply that was cut, `kept` holds what is needed to judge it.
// Not here: the system calls and who acts when (LoadThread).

import Wire

struct Connection: ~Copyable {
    enum State {
        /// Waits for its turn, or for `retryNs`.
        case idle
        case connecting
        case greeting
        case ready
        /// Lost, and not to be replaced.
        case dead
    }
    /// A header that was cut has fewer bytes than this.
    static let leftoverBytesMax = 16
    private static let keptBytesMax = 64
    /// Of an error, which is shown to people.
    private static let keptErrorBytesMax = 512
    private static let backoffFirstNs: UInt64 = 10_000_000
    private static let backoffLastNs: UInt64 = 1_000_000_000

    var descriptor: Int32 = -1
    var state = State.idle
    var watchesWrite = false
    /// It is in the line of those that have a free place (open loop).
    var isInLine = false
    /// It has bytes in `out` that no send has been tried for (open loop).
    var isUnsent = false
    var inFlight: InFlight
    var out = ByteBuffer(capacityBytes: 512)

    var scanner = ReplyScanner()
    var kept = ByteBuffer(capacityBytes: 64)
    private(set) var leftoverCount = 0
    private var leftover: (UInt64, UInt64) = (0, 0)

    /// Replies of the greeting that have come.
    var greetedCount = 0
    /// When to give up connecting or greeting.
    var deadlineNs: UInt64 = 0
    var retryNs: UInt64 = 0
    private var backoffNs = backoffFirstNs
    /// Its first attempt has come to something, good or bad.
    var wasTried = false

    init(inFlightCountMax: Int) { inFlight = InFlight(countMax: inFlightCountMax) }

    /// As good as new, but for its backoff.
    mutating func reset() {
        descriptor = -1
        watchesWrite = false
        isUnsent = false
        out.removeAll()
        kept.removeAll()
        scanner = ReplyScanner()
        leftoverCount = 0
        greetedCount = 0
    }

    /// The next attempt is due then; each waits twice as long as the one before.
    mutating func postpone(nowNs: UInt64) {
        retryNs = nowNs + backoffNs
        backoffNs = Swift.min(backoffNs * 2, Self.backoffLastNs)
    }

    mutating func forgetBackoff() { backoffNs = Self.backoffFirstNs }

    // MARK: Cut replies

    /// The front of a header that waits for its rest.
    @inline(__always)
    mutating func setLeftover(_ bytes: UnsafePointer<UInt8>, count: Int) {
        precondition(count >= 0 && count <= Self.leftoverBytesMax)
        leftoverCount = count
        if count == 0 { return }
        withUnsafeMutableBytes(of: &leftover) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count))
        }
    }

    /// Puts the leftover right before `place` and forgets it.
    ///
    /// - Returns: where it begins.
    @inline(__always)
    mutating func putLeftover(before place: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
        if leftoverCount == 0 { return place }
        let start = place - leftoverCount
        withUnsafeBytes(of: &leftover) {
            UnsafeMutableRawPointer(start).copyMemory(from: $0.baseAddress!, byteCount: leftoverCount)
        }
        leftoverCount = 0
        return start
    }

    /// Keeps what belongs to the reply under way.
    mutating func keep(_ bytes: UnsafePointer<UInt8>, count: Int, whole: Bool) {
        if count == 0 { return }
        if whole { return kept.append(bytes, count: count) }
        let first = kept.count > 0 ? kept.start[0] : bytes[0]
        let isError = first == UInt8(ascii: "-") || first == UInt8(ascii: "!")
        let room = (isError ? Self.keptErrorBytesMax : Self.keptBytesMax) - kept.count
        if room > 0 { kept.append(bytes, count: Swift.min(count, room)) }
    }
}
