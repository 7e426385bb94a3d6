// HotKeyBoard: where the workers of one process put what they know of hot keys, once a second, so that each can judge
// by what all of them see, and show it.
// Not here: what is told per request (HotSlots).

import Routing
import Synchronization

final class HotKeyBoard: Sendable {
    /// One worker's view of a pool.
    struct Entry: Sendable {
        let snapshot: HotKeySnapshot
        /// Answers from copies, by the key's hash.
        let hits: [UInt64: Int]
        /// Keys that have copies.
        let copied: Set<UInt64>
        /// Keys that have copies on servers.
        let replicated: Set<UInt64>
    }

    private struct Place: Hashable {
        let poolIndex: Int
        let workerIndex: Int
    }

    /// Nobody outside can make keys that share a hash.
    let seed: UInt64
    /// In the names of this process's copies on servers; no other process has the same.
    let processNumber: UInt64
    private let entries = Mutex<[Place: Entry]>([:])
    private let slots = Mutex<[Int: HotSlots]>([:])

    init(seed: UInt64 = .random(in: .min ... .max), processNumber: UInt64 = .random(in: .min ... .max)) {
        self.seed = seed
        self.processNumber = processNumber
    }

    func post(_ entry: Entry, workerIndex: Int) {
        let place = Place(poolIndex: entry.snapshot.poolIndex, workerIndex: workerIndex)
        entries.withLock { $0[place] = entry }
    }

    /// Each worker's last word on a pool.
    func entries(ofPool poolIndex: Int) -> [Entry] {
        entries.withLock { entries in entries.filter { $0.key.poolIndex == poolIndex }.map(\.value) }
    }

    /// Another generation of workers writes from now on.
    func close() { slots.withLock { for slots in $0.values { slots.view.close() } } }

    func slots(ofPool poolIndex: Int) -> HotSlots {
        slots.withLock { slots in
            if let known = slots[poolIndex] { return known }
            let made = HotSlots()
            slots[poolIndex] = made
            return made
        }
    }
}
