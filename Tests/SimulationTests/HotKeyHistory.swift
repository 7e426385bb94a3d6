// HotKeyHistory: what each hot key of a run has been, state after state, and how old a state a read may still see.
//
//     missing ──► of part 12 ──► of part 40 ──► missing ──► ...          each with the time since which it is so
//
// A read must not see a state that was over when it was asked for
//   - and somebody had been told so by the same process of Keyway, by the answer to what ended it;
//   - for as long as the lease, whoever ended it, and also where the key's own life was over: who joins a read that is
//     under way may get what the server had a moment ago.
// Not here: what a client has seen itself (Judge+HotKeys), servers that tell of changes (SimulatedBackend+HotKeys).

final class HotKeyHistory {
    struct State {
        /// The part that wrote it; -1: there is no such key.
        let writer: Int
        let sinceMs: UInt64
        /// The end of its own life.
        let expiresAtMs: UInt64
    }

    private let world: World
    private var states: [[State]]
    /// By key and process, the newest state that somebody was told of.
    private var told: [[Int: Int]]
    /// Keys whose life has ended, and their server has not said so.
    private(set) var expired: Set<Int> = []

    init(world: World) {
        self.world = world
        let keyCount = world.profile.hot.keyCount
        states = Array(repeating: [State(writer: -1, sinceMs: 0, expiresAtMs: .max)], count: keyCount)
        told = Array(repeating: [:], count: keyCount)
    }

    var keyCount: Int { states.count }

    func current(_ key: Int) -> State {
        expire(key)
        return states[key][states[key].count - 1]
    }

    func currentIndex(_ key: Int) -> Int {
        expire(key)
        return states[key].count - 1
    }

    /// - Returns: the state that begins.
    func change(_ key: Int, writer: Int, expiresAtMs: UInt64 = .max) -> Int {
        expire(key)
        states[key].append(State(writer: writer, sinceMs: world.nowMs, expiresAtMs: expiresAtMs))
        return states[key].count - 1
    }

    func noteExpiryTold(_ key: Int) { expired.remove(key) }

    private func expire(_ key: Int) {
        let last = states[key][states[key].count - 1]
        guard last.expiresAtMs <= world.nowMs else { return }
        states[key].append(State(writer: -1, sinceMs: last.expiresAtMs, expiresAtMs: .max))
        expired.insert(key)
    }

    // MARK: Reads

    /// The oldest state that a read may see which is asked for now.
    func oldest(_ key: Int) -> Int {
        expire(key)
        let states = states[key]
        var index = states.count - 1
        while index > 0, states[index].sinceMs + UInt64(world.profile.hot.leaseMs) > world.nowMs { index -= 1 }
        return index
    }

    func tell(_ key: Int, _ state: Int, byProcess process: Int) {
        told[key][process] = max(told[key][process, default: 0], state)
    }

    func newestTold(_ key: Int, byProcess process: Int) -> Int { told[key][process, default: 0] }

    /// The first state from this one on in which there is no such key.
    func missing(_ key: Int, from first: Int) -> Int? {
        (first..<states[key].count).first { states[key][$0].writer < 0 }
    }
}
