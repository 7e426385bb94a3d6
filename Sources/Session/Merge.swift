// Merge: one request that went to several shards, and the parts of its reply that have come.
// It owns a reference on the chunk of each part until the merged reply is made. Merges and their tables are used again
// and again: a worker's steady stream of MGETs allocates nothing.
// Not here: how parts become one reply (Routing/Merge), the steps (Engine+Merges).

import Platform
import Routing
import Upstream
import Wire

typealias MergeRef = UnsafeMutablePointer<Merge>

/// What one shard answered.
struct MergePart: BitwiseCopyable {
    let shardIndex: Int
    var chunk: ChunkRef?
    var offset = 0
    var sizeBytes = 0

    init(shardIndex: Int) { self.shardIndex = shardIndex }

    /// Valid once the part has come.
    var reply: ByteView { ByteView(start: chunk.unsafelyUnwrapped.data + offset, count: sizeBytes) }
}

struct Merge: BitwiseCopyable {
    var client: ClientRef
    var sequence: UInt32
    var rule: MergeRule
    var command: UInt16
    /// When its request came: low bits of the worker's clock.
    var arrivedUs: UInt32
    var partCount = 0
    var partsLeft = 0
    var parts: UnsafeMutablePointer<MergePart>
    var partCapacity: Int
    /// `keyOrder`: for each key of the client, the part that has its value.
    var owners: UnsafeMutablePointer<UInt16>
    var ownerCapacity: Int
    var keyCount = 0
    /// Bytes of the parts that have come; they count as held by the client.
    var heldBytes = 0
    /// `fastest`: where the two parts wait.
    var lines: (first: LineRef?, second: LineRef?) = (nil, nil)
    /// The part that took longest of those that were slow.
    var slowest: SlowPart?
    /// `gathered`: what is to become of the parts; the merge holds a reference.
    var gathering: Unmanaged<Gathering>?
    var nextFree: MergeRef?
}

extension UnsafeMutablePointer where Pointee == Merge {
    func appendPart(shardIndex: Int) -> Int {
        if pointee.partCount == pointee.partCapacity {
            let wider = UnsafeMutablePointer<MergePart>.allocate(capacity: pointee.partCapacity * 2)
            wider.update(from: pointee.parts, count: pointee.partCount)
            pointee.parts.deallocate()
            pointee.parts = wider
            pointee.partCapacity *= 2
        }
        let index = pointee.partCount
        pointee.parts[index] = MergePart(shardIndex: shardIndex)
        pointee.partCount += 1
        pointee.partsLeft += 1
        return index
    }

    func reserveOwners(_ count: Int) {
        pointee.keyCount = count
        guard count > pointee.ownerCapacity else { return }
        pointee.owners.deallocate()
        pointee.ownerCapacity = count
        pointee.owners = .allocate(capacity: count)
    }
}

/// Merges that are free.
struct MergePool: ~Copyable {
    private var free: MergeRef?
    /// Low bits of the worker's clock: when the requests of this tick came.
    var nowUs: UInt32 = 0
    /// Tables of at most this many keys are kept for the next merge.
    private static let ownerCapacityKept = 4_096

    deinit {
        var next = free
        while let merge = next {
            next = merge.pointee.nextFree
            merge.pointee.parts.deallocate()
            merge.pointee.owners.deallocate()
            merge.deallocate()
        }
    }

    /// The client's place, `sequence`, is set by the caller once it has one.
    mutating func take(client: ClientRef, rule: MergeRule, command: UInt16) -> MergeRef {
        guard let merge = free else {
            let made = MergeRef.allocate(capacity: 1)
            made.initialize(
                to: Merge(
                    client: client, sequence: 0, rule: rule, command: command, arrivedUs: nowUs,
                    parts: .allocate(capacity: 8), partCapacity: 8, owners: .allocate(capacity: 16), ownerCapacity: 16))
            return made
        }
        free = merge.pointee.nextFree
        merge.pointee.client = client
        merge.pointee.rule = rule
        merge.pointee.command = command
        merge.pointee.arrivedUs = nowUs
        merge.pointee.partCount = 0
        merge.pointee.partsLeft = 0
        merge.pointee.keyCount = 0
        merge.pointee.heldBytes = 0
        merge.pointee.lines = (nil, nil)
        merge.pointee.slowest = nil
        return merge
    }

    /// The parts' chunks must have been released.
    mutating func giveBack(_ merge: MergeRef) {
        if let gathering = merge.pointee.gathering {
            gathering.release()
            merge.pointee.gathering = nil
        }
        if merge.pointee.ownerCapacity > Self.ownerCapacityKept {
            merge.pointee.owners.deallocate()
            merge.pointee.ownerCapacity = 16
            merge.pointee.owners = .allocate(capacity: 16)
        }
        merge.pointee.nextFree = free
        free = merge
    }
}
