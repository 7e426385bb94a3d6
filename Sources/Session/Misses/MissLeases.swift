// MissLeases: who, of all clients of the process, has been told that a key is missing and is expected to bring it.
//
//     free ──claim──► held by a client ──the value is there, the client is gone, or its time is over──► free
//                         └──its time is over, and another one claims it──► lost: it learns so when it brings the key
//
// Not here: pools' numbers (MissBoard), who waits meanwhile (MissWait), what clients are told (Engine+Misses).

import Synchronization

final class MissLeases: Sendable {
    private struct Place: Hashable {
        let pool: Int
        let keyHash: UInt64
    }

    private struct Lease {
        let clientID: Int
        let sinceMs: UInt64
        var untilMs: UInt64
        /// The client has set the key; it should be there in a moment.
        var isBrought = false
    }

    private struct Loss: Hashable {
        let clientID: Int
        let place: Place
    }

    private struct State {
        var leases: [Place: Lease] = [:]
        var losses: Set<Loss> = []
    }

    /// More keys than this are not waited for, and more losses are not remembered.
    private static let countMax = 65_536
    /// What was sent should be executed by then.
    private static let broughtWithinMs: UInt64 = 1_000

    private let state = Mutex(State())

    /// - Parameters:
    ///   - notesLoser: the client whose lease has run out and is taken over is to be remembered.
    ///   - renews: the client may have the lease already, and not have brought the value.
    /// - Returns: true when the client is the one who brings the value; also when there are too many leases to keep
    ///   one more.
    func claim(
        _ pool: Int, _ keyHash: UInt64, clientID: Int, untilMs: UInt64, nowMs: UInt64, notesLoser: Bool = false,
        renews: Bool = true
    ) -> Bool {
        let place = Place(pool: pool, keyHash: keyHash)
        return state.withLock { state in
            if let held = state.leases[place], held.clientID != clientID || (!renews && !held.isBrought) {
                if held.untilMs > nowMs { return false }
                if notesLoser, held.clientID != clientID, !held.isBrought, state.losses.count < Self.countMax {
                    state.losses.insert(Loss(clientID: held.clientID, place: place))
                }
            }
            if state.leases.count >= Self.countMax { state.leases = state.leases.filter { $0.value.untilMs > nowMs } }
            if state.leases.count < Self.countMax {
                state.leases[place] = Lease(clientID: clientID, sinceMs: nowMs, untilMs: untilMs)
            }
            return true
        }
    }

    /// The client sets the key. Nobody else is told that it is missing until that can have been executed.
    ///
    /// - Returns: how long it took; nil when the client has no lease.
    func bring(_ pool: Int, _ keyHash: UInt64, clientID: Int, nowMs: UInt64) -> UInt64? {
        let place = Place(pool: pool, keyHash: keyHash)
        return state.withLock { state in
            guard var held = state.leases[place], held.clientID == clientID, !held.isBrought else { return nil }
            held.untilMs = min(held.untilMs, nowMs + Self.broughtWithinMs)
            held.isBrought = true
            state.leases[place] = held
            return nowMs - min(nowMs, held.sinceMs)
        }
    }

    /// Another client was told that the key is missing since this one was.
    func hasLost(_ pool: Int, _ keyHash: UInt64, clientID: Int) -> Bool {
        let loss = Loss(clientID: clientID, place: Place(pool: pool, keyHash: keyHash))
        return state.withLock { $0.losses.contains(loss) }
    }

    /// The client reads the key anew: what it sets from here on is not late.
    func forgetLoss(_ pool: Int, _ keyHash: UInt64, clientID: Int) {
        let loss = Loss(clientID: clientID, place: Place(pool: pool, keyHash: keyHash))
        state.withLock { _ = $0.losses.remove(loss) }
    }

    /// The value is there.
    func end(_ pool: Int, _ keyHash: UInt64) {
        state.withLock { $0.leases[Place(pool: pool, keyHash: keyHash)] = nil }
    }

    /// The client is gone, and brings nothing any more.
    func endAll(ofClient clientID: Int) {
        state.withLock { state in
            state.leases = state.leases.filter { $0.value.clientID != clientID }
            state.losses = state.losses.filter { $0.clientID != clientID }
        }
    }
}
