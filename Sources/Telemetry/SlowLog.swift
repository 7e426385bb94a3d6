// SlowLog: the requests that took longest to answer of late, with the parts of their time: in Keyway's queue, at the
// server, and waiting for other parts or being computed.
// Rule: never a value, and a key only where the config allows it.
// Not here: which requests are slow (Session), what servers say of theirs (SLOWLOG).

import Synchronization

package struct SlowRequest: Sendable, Equatable {
    /// Milliseconds since 1970, when it was answered.
    package var atMs: Int
    package var pool: String
    /// The one that took longest.
    package var shard: String
    package var command: String
    /// Its first one, cut; empty where keys are not shown, or not known any more.
    package var key: [UInt8]
    package var clientID: Int
    package var totalUs: Int
    package var queueUs: Int
    package var backendUs: Int
    /// `answered`, or what came instead: `timed out`.
    package var outcome: String

    package init(
        atMs: Int, pool: String, shard: String, command: String, key: [UInt8], clientID: Int, totalUs: Int,
        queueUs: Int, backendUs: Int, outcome: String
    ) {
        self.atMs = atMs
        self.pool = pool
        self.shard = shard
        self.command = command
        self.key = key
        self.clientID = clientID
        self.totalUs = totalUs
        self.queueUs = queueUs
        self.backendUs = backendUs
        self.outcome = outcome
    }

    /// What neither the queue nor the server took.
    package var mergeUs: Int { max(0, totalUs - queueUs - backendUs) }
}

/// Any thread may add and read.
package final class SlowLog: Sendable {
    private struct State {
        var capacity: Int
        var requests: [SlowRequest] = []
        var firstNumber = 0

        mutating func trim(to count: Int) {
            let dropCount = max(0, requests.count - count)
            requests.removeFirst(dropCount)
            firstNumber += dropCount
        }
    }

    private let state: Mutex<State>

    package init(capacity: Int) {
        precondition(capacity > 0)
        state = Mutex(State(capacity: capacity))
    }

    /// How many are kept from now on.
    package func keep(_ capacity: Int) {
        precondition(capacity > 0)
        state.withLock { state in
            state.capacity = capacity
            state.trim(to: capacity)
        }
    }

    package func add(_ request: SlowRequest) {
        state.withLock { state in
            state.trim(to: state.capacity - 1)
            state.requests.append(request)
        }
    }

    /// The latest `count`, newest first, each with its number since the start.
    package func latest(_ count: Int) -> [(number: Int, request: SlowRequest)] {
        state.withLock { state in
            state.requests.indices.suffix(max(0, count)).reversed().map { (state.firstNumber + $0, state.requests[$0]) }
        }
    }

    /// Numbers go on.
    package func removeAll() {
        state.withLock { state in
            state.firstNumber += state.requests.count
            state.requests = []
        }
    }
}
