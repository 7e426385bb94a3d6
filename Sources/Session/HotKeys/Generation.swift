// Generation: one value of a hot key, as copies of it on several servers, all under one name that is used once.
//
//     making ──► spreading ──► standing ──► ended ──► UNLINK, once nothing of it is under way
//       │ DUMP, PTTL   │ RESTORE on each  │ read
//       └──────────────┴──────────────────┴──► ended: the key has changed, or may have
//
// A generation is good by the facts that make a copy in memory good (Engine+Copies): its slot's version stands, the
// line that covers its key's shard has given a sign within the lease, its own and its key's life have not ended, and
// its client has seen nothing newer. While it stands its key's own shard is not read, because that may have a newer
// value of which no news has come yet; that shard has a copy as well and takes its part of the reads.
// Rules: reads begin when all of its copies are there. A name is used once, RESTORE is never repeated, and copies live
// longer than they are read: so what is found under the name is this value. What looks like nothing found is doubted
// (Engine+SpreadReads). Copies end by themselves with the process: each is restored with its time to live.
// Ownership: the engine; freed when it has ended, its requests are answered and nobody reads it.
// Not here: the steps (Engine+Generations), reads (SpreadRead).

import Platform
import Upstream

typealias GenerationRef = UnsafeMutablePointer<Generation>
typealias SpreadReadRef = UnsafeMutablePointer<SpreadRead>

/// The one value's place on one server.
struct SpreadCopy: BitwiseCopyable {
    let shard: ShardRef
    /// RESTORE was answered with OK.
    var isThere = false
}

struct Generation: BitwiseCopyable {
    enum State: BitwiseCopyable { case making, spreading, standing, ended }
    enum End {
        /// It may be made anew at once.
        case lifeIsOver
        /// Whoever writes it will be heard of.
        case keyIsMissing
        /// Or something went wrong.
        case hasChanged
    }

    /// Nil once the key is no longer hot, and when it has ended and nobody reads it.
    var key: CopiedKeyRef?
    let poolIndex: Int
    /// Where the key is.
    let home: ShardRef
    /// Of its slot and pool, before it was asked for.
    let version: UInt64
    let sentAtMs: UInt64
    /// `$5\r\nname\r\n`, as an argument of a request; owned.
    let name: UnsafeMutablePointer<UInt8>
    let nameBytes: Int
    var state = State.making
    /// DUMP's reply, which is an argument of RESTORE; until that is sent.
    var value: ChunkRef?
    /// Of all copies, on servers.
    var sizeBytes = 0
    var untilMs: UInt64 = 0
    /// Where there are copies, or may be; owned.
    var copies: UnsafeMutablePointer<SpreadCopy>?
    var copyCount = 0
    /// Replies to requests of its own that may still come.
    var repliesLeft = 0
    /// Reads that are under way to its copies, or wait to be sent there.
    var readCount = 0
    var servedCount = 0
    /// Of the key's, when it has ended.
    var nextEnded: GenerationRef?

    /// The key's next generation rests for so long after a change, at first and at most.
    static let restMsMin: UInt64 = 50
    static let restMsMax: UInt64 = 2_000
    /// What has brought fewer reads than this was not worth its own requests: the next one rests twice as long.
    static let servedCountMin = 32
    /// A key that ends sooner gets no copies.
    static let lifeMsMin: UInt64 = 1_000
    /// Copies are there so much longer than any request for them is under way.
    static let spareMs: UInt64 = 1_000
}

/// A client's read that a copy is to answer. Ownership: the engine, until the client has its reply or another request
/// brings that, and nobody holds it.
struct SpreadRead: BitwiseCopyable {
    let client: ClientRef
    let sequence: UInt32
    let generation: GenerationRef
    /// As the client sent it, in case its key's own shard is asked after all.
    let request: ChunkRef
    let requestBytes: Int
    /// The key's argument, with its header and its end.
    let keyStart: Int
    let keyEnd: Int
    /// The sign of its shard's line that it waits for, where it does.
    let stampMin: UInt32
    var copyIndex = 0
    var askedAtMs: UInt64 = 0
    /// A ticket has it, or it waits for a sign.
    var isHeld = false
    /// It was asked elsewhere in the meantime: who holds it frees it, and it knows neither client nor generation.
    var isAbandoned = false
    var reply: ChunkRef?
    var replyOffset = 0
    var replyBytes = 0
    /// The reply is the client's once its turn has come.
    var isAnswered = false
    /// Of those that wait for a sign.
    var next: SpreadReadRef?
    /// Of its client's, in their order; behind the last comes the first.
    var nextOfClient: SpreadReadRef?

    /// A longer request goes to the key's own shard.
    static let requestBytesMax = 4_096
}
