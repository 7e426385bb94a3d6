// MissLeases: who, of all clients of the process, has been told that a key is missing and is expected to bring it.
//
//     free ──claim──► held by a client ──the value is there, the client is gone, or its time is over──► free
//
// Not here: who waits meanwhile (MissWait), what clients are told (Engine+Misses).

import Synchronization

final class MissLeases: Sendable {
    private struct Place: Hashable {
        let poolIndex: Int
        let keyHash: UInt64
    }

    private struct Lease {
        let clientID: Int
        let untilMs: UInt64
    }

    /// More keys than this are not waited for.
    private static let countMax = 65_536

    private let leases = Mutex<[Place: Lease]>([:])

    /// - Returns: true when the client is the one who brings the value; also when there are too many leases to keep
    ///   one more.
    func claim(_ poolIndex: Int, _ keyHash: UInt64, clientID: Int, untilMs: UInt64, nowMs: UInt64) -> Bool {
        let place = Place(poolIndex: poolIndex, keyHash: keyHash)
        return leases.withLock { leases in
            if let held = leases[place], held.untilMs > nowMs, held.clientID != clientID { return false }
            if leases.count >= Self.countMax { leases = leases.filter { $0.value.untilMs > nowMs } }
            if leases.count < Self.countMax { leases[place] = Lease(clientID: clientID, untilMs: untilMs) }
            return true
        }
    }

    /// The value is there.
    func end(_ poolIndex: Int, _ keyHash: UInt64) {
        leases.withLock { $0[Place(poolIndex: poolIndex, keyHash: keyHash)] = nil }
    }

    /// The client is gone, and brings nothing any more.
    func endAll(ofClient clientID: Int) {
        leases.withLock { leases in leases = leases.filter { $0.value.clientID != clientID } }
    }
}
