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
    /// In the names of this generation's copies on servers; no other one has the same, here or elsewhere.
    let processNumber: UInt64
    private let entries = Mutex<[Place: Entry]>([:])
    private let slots: PoolSlots
    private let closed = AtomicCells<UInt32>(count: 1)

    /// By the pool's name.
    private final class PoolSlots: Sendable {
        private let slots = Mutex<[String: HotSlots]>([:])

        subscript(name: String) -> HotSlots {
            slots.withLock { slots in
                if let known = slots[name] { return known }
                let made = HotSlots()
                slots[name] = made
                return made
            }
        }

        /// Ends all copies.
        func raiseEverything(closed: AtomicCells<UInt32>) {
            slots.withLock { for slots in $0.values { slots.view(closed: closed).raise(HotSlotsView.everything) } }
        }
    }

    init(seed: UInt64 = .random(in: .min ... .max), processNumber: UInt64 = .random(in: .min ... .max)) {
        self.seed = seed
        self.processNumber = processNumber
        slots = PoolSlots()
    }

    /// For the generation of workers that follows: writes of clients that stay with the older one end copies of both.
    init(following older: HotKeyBoard) {
        seed = older.seed
        processNumber = older.processNumber &+ 1
        slots = older.slots
    }

    func post(_ entry: Entry, workerIndex: Int) {
        let place = Place(poolIndex: entry.snapshot.poolIndex, workerIndex: workerIndex)
        entries.withLock { $0[place] = entry }
    }

    /// Each worker's last word on a pool.
    func entries(ofPool poolIndex: Int) -> [Entry] {
        entries.withLock { entries in entries.filter { $0.key.poolIndex == poolIndex }.map(\.value) }
    }

    /// Others write from now on, perhaps without raising anything here: no worker of this generation uses copies.
    func close() {
        closed.start.pointee.store(1, ordering: .sequentiallyConsistent)
        slots.raiseEverything(closed: closed)
    }

    func slots(ofPool name: String) -> HotSlotsView { slots[name].view(closed: closed) }
}
