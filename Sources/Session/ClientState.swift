// ClientState: what a client has only while it is in the middle of something: a transaction, keys that it watches, a
// command that blocks, a subscription. Taken from the worker's pool when the first of these begins and given back when
// the last ends.
//
// Leases: a line that is lent to one client, at most one a shard. While it is lent every request of this client for
// that shard goes over it, so its commands keep their order; before it is lent and before it goes back everything that
// is under way is answered (`Engine.putsOff`, `Gate.barrier`), so they keep it across the change too.
// Not here: the steps (Engine+Leases, Engine+Transactions).

import Platform
import Upstream

typealias ClientStateRef = UnsafeMutablePointer<ClientState>

struct ClientState: BitwiseCopyable {
    var transaction: TransactionRef?
    /// The leased line of each shard, by its index; nil as a whole while there is none.
    var leases: UnsafeMutablePointer<LineRef?>?
    var leaseCount = 0
    /// All leases go back once everything is answered.
    var returnsLeases = false
    /// A command of it may wait for ever; nothing behind it is read.
    var isBlocked = false
    /// The shard on which keys are watched; -1 for none.
    var watchedShard = -1
    /// What the client listens to; a reference is held.
    var topics: Unmanaged<ClientTopics>?
    /// The servers track what the client reads: it has a lease on every shard until it says OFF.
    var isTracking = false
    /// CLIENT CACHING was said; it holds for the next command.
    var isCachingSet = false
    /// It is shown what all clients ask.
    var isMonitor = false
    /// The connection that watched is gone, so nobody knows whether the keys have changed.
    var isWatchLost = false

    /// Requests have to be looked at one by one.
    var isUncommon: Bool { transaction != nil || topics != nil || isCachingSet }

    var isEmpty: Bool {
        transaction == nil && leases == nil && !isBlocked && watchedShard < 0 && !isWatchLost && topics == nil
            && !isTracking && !isMonitor
    }
}
