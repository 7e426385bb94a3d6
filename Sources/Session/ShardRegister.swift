// ShardRegister: what the workers of one process tell each other of their shards' breakers.
// A shard is out while any worker's breaker is open, so that a change is told once and not once a worker, and so that
// all workers place keys alike where failing shards leave the ring.
// Not here: the breakers (Routing/Health), the ring (Hashing).

import Synchronization
import Upstream

final class ShardRegister: Sendable {
    /// One process's view of a shard.
    struct Entry: Sendable {
        /// Workers whose breaker is open.
        var outCount = 0
        /// Why the last of their breakers opened.
        var reason = ""
        var isEjected = false
        /// Stays out of the ring until an operator readmits it.
        var isHeld = false
    }

    private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

    subscript(shard: ShardName) -> Entry { entries.withLock { $0[ObjectIdentifier(shard)] ?? Entry() } }

    /// - Returns: true when this worker is the first.
    func opened(_ shard: ShardName, reason: String) -> Bool {
        entries.withLock {
            var entry = $0[ObjectIdentifier(shard)] ?? Entry()
            entry.outCount += 1
            entry.reason = reason
            $0[ObjectIdentifier(shard)] = entry
            return entry.outCount == 1
        }
    }

    /// - Returns: true when this worker was the last.
    func closed(_ shard: ShardName) -> Bool {
        entries.withLock {
            $0[ObjectIdentifier(shard), default: Entry()].outCount -= 1
            return $0[ObjectIdentifier(shard)]?.outCount == 0
        }
    }

    /// - Parameter shards: the pool's.
    /// - Returns: the indices of all ejected shards with this one; nil when it is ejected already, or when more than
    ///   `countMax` would be.
    func eject(_ index: Int, of shards: [ShardName], countMax: Int) -> Set<Int>? {
        entries.withLock { entries in
            var ejected = Self.ejected(shards, entries)
            guard !ejected.contains(index), ejected.count < countMax else { return nil }
            entries[ObjectIdentifier(shards[index]), default: Entry()].isEjected = true
            ejected.insert(index)
            return ejected
        }
    }

    /// - Returns: the indices of the shards that are still ejected; nil when this one was not, or is held.
    func readmit(_ index: Int, of shards: [ShardName]) -> Set<Int>? {
        entries.withLock { entries in
            let name = ObjectIdentifier(shards[index])
            guard let entry = entries[name], entry.isEjected, !entry.isHeld else { return nil }
            entries[name]?.isEjected = false
            return Self.ejected(shards, entries)
        }
    }

    func hold(_ shard: ShardName, _ isHeld: Bool) {
        entries.withLock { $0[ObjectIdentifier(shard), default: Entry()].isHeld = isHeld }
    }

    private static func ejected(_ shards: [ShardName], _ entries: [ObjectIdentifier: Entry]) -> Set<Int> {
        Set(shards.indices.filter { entries[ObjectIdentifier(shards[$0])]?.isEjected == true })
    }
}
