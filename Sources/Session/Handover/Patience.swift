// Patience: who has to go at the latest when, of the clients that are in the middle of something while the others
// leave.
// Not here: who that is (Engine+Handover).

/// Names are those of pools.
package enum Patience: Sendable, Equatable {
    /// The process ends: whoever is still here after `drain_timeout` is drained.
    case untilDrained
    /// Only this generation of workers ends: clients stay until what they have begun is over, but for those of pools
    /// that are gone, and those that listen in pools whose servers are others now: they would not hear all.
    case lasting(gone: Set<String>, moved: Set<String>)
}
