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

    /// Which shards of a pool are out of its ring. Workers may tell of their changes in another order than they made
    /// them; the one with the highest revision holds.
    struct Ring: Sendable {
        let ejected: Set<Int>
        let revision: Int
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var revision = 0

        /// The ring after a change.
        mutating func next(_ ejected: Set<Int>) -> Ring {
            revision += 1
            return Ring(ejected: ejected, revision: revision)
        }

        func ejected(_ shards: [ShardName]) -> Set<Int> {
            Set(shards.indices.filter { entries[ObjectIdentifier(shards[$0])]?.isEjected == true })
        }
    }

    private let state = Mutex<State>(State())

    subscript(shard: ShardName) -> Entry { state.withLock { $0.entries[ObjectIdentifier(shard)] ?? Entry() } }

    /// - Returns: true when this worker is the first.
    func opened(_ shard: ShardName, reason: String) -> Bool {
        state.withLock {
            var entry = $0.entries[ObjectIdentifier(shard)] ?? Entry()
            entry.outCount += 1
            entry.reason = reason
            $0.entries[ObjectIdentifier(shard)] = entry
            return entry.outCount == 1
        }
    }

    /// - Returns: true when this worker was the last.
    func closed(_ shard: ShardName) -> Bool {
        state.withLock {
            $0.entries[ObjectIdentifier(shard), default: Entry()].outCount -= 1
            return $0.entries[ObjectIdentifier(shard)]?.outCount == 0
        }
    }

    /// - Parameter shards: the pool's.
    /// - Returns: the ring without this shard; nil when it is ejected already, or when more than `countMax` would be.
    func eject(_ index: Int, of shards: [ShardName], countMax: Int) -> Ring? {
        state.withLock { state in
            let ejected = state.ejected(shards)
            guard !ejected.contains(index), ejected.count < countMax else { return nil }
            state.entries[ObjectIdentifier(shards[index]), default: Entry()].isEjected = true
            return state.next(ejected.union([index]))
        }
    }

    /// - Returns: the ring with this shard; nil when it was in it, or is held.
    func readmit(_ index: Int, of shards: [ShardName]) -> Ring? {
        state.withLock { state in
            let name = ObjectIdentifier(shards[index])
            guard let entry = state.entries[name], entry.isEjected, !entry.isHeld else { return nil }
            state.entries[name]?.isEjected = false
            return state.next(state.ejected(shards))
        }
    }

    /// - Parameter shards: the pool's.
    func ejected(of shards: [ShardName]) -> Set<Int> { state.withLock { $0.ejected(shards) } }

    func hold(_ shard: ShardName, _ isHeld: Bool) {
        state.withLock { $0.entries[ObjectIdentifier(shard), default: Entry()].isHeld = isHeld }
    }
}
