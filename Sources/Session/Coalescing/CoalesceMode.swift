// CoalesceMode: which equal reads of a pool's clients are sent once.
// Not here: what is equal, and in which order (Engine+Coalescing).

package enum CoalesceMode: String, Sendable, CaseIterable {
    /// None: each is sent.
    case off
    /// Those of one turn of the loop, of which nothing was sent yet.
    case tick
    /// Those that were sent and are not answered, too.
    case inflight
}
