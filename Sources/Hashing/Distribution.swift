// Distribution: how a pool divides its keys over its servers. Placement does it.

/// The raw value is the word in the config file.
public enum Distribution: String, CaseIterable, Sendable, BitwiseCopyable {
    /// Consistent hashing with virtual nodes, as twemproxy and libmemcached.
    case ketama
    /// Remainder of the hash by the sum of weights; any change of servers moves most keys.
    case modula
    /// Any server, without looking at the key; weights do not count.
    case random
    /// Valkey Cluster's 16384 slots, in contiguous ranges by weight; the pool's `hash` does not count.
    case slots
}
