// ProxyStatus: how pools and shards stand, for people and programs that look from outside: plain values, made of what
// the workers publish, so that no worker is asked.
// Not here: what was counted (Telemetry), how it is shown (Admin).

package import Routing

/// One pool at one moment.
package struct PoolStatus: Sendable {
    package struct Shard: Sendable {
        package let name: String
        package let address: String
        package let weight: Int
        /// Of the keys, 0 ... 1; 0 while it is out of the ring.
        package let ringShare: Double
        /// The worst that any worker thinks.
        package let breaker: Breaker
        /// Why, where it is not closed.
        package let reason: String
        package let ring: RingState
    }

    package enum Breaker: String, Sendable {
        case closed, trickling, open
    }

    package enum RingState: String, Sendable {
        case `in`, out
        /// Out until an operator readmits it.
        case held
    }

    package let name: String
    package let listen: String
    package let distribution: String
    package let hash: String
    /// `fail_fast`, `remap` or `gutter`.
    package let onFailure: String
    /// Changes whenever a shard leaves or returns.
    package let ringRevision: Int
    package let shards: [Shard]
}

/// Where a key lives.
package struct KeyRoute: Sendable {
    package let pool: String
    package let shard: String
    package let address: String
    package let breaker: PoolStatus.Breaker
    package let hash: UInt32
}

/// A key that is asked for more than others.
package struct HotKeyStatus: Sendable {
    package let pool: String
    package let shard: String
    package let key: HotKey
}
