// MissBoard: what all workers of a process know of missing keys, also those of the generation that follows.
// A pool has a number for as long as the process lives, whatever place it has in the config of a generation.
// Not here: who brings a key (MissLeases), how long that takes (KeyLives), who waits (MissWait).

import Synchronization

final class MissBoard: Sendable {
    private struct State {
        var numbers: [String: Int] = [:]
        var lives: [Int: KeyLives] = [:]
    }

    let leases = MissLeases()
    private let state = Mutex(State())

    func number(ofPool name: String) -> Int {
        state.withLock { state in
            let number = state.numbers[name] ?? state.numbers.count
            state.numbers[name] = number
            return number
        }
    }

    /// They outlive every generation.
    func lives(ofPool number: Int) -> KeyLivesView {
        state.withLock { state in
            let lives = state.lives[number] ?? KeyLives()
            state.lives[number] = lives
            return lives.view
        }
    }
}
