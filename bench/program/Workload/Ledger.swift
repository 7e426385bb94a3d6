// Ledger: what the writes of a verified run have come to, for each key; shared by all threads.
//
// The rules, from which it follows that a correct server is never called wrong:
// 1. A key is written by one thread only (index modulo threads); its sequences grow by one from write to write.
// 2. A write is alone if no other write of its key was on its way when it was put out. All earlier ones were then
//    acknowledged and thus executed. When a write that was alone is acknowledged, the key holds it or a later one, and
//    so it stays: its sequence becomes the key's floor.
// 3. A write whose outcome is unknown (connection lost, error reply) may still be executed at any time. It counts as on
//    its way for ever: no later write of the key is alone, and the floor rises no more.
// 4. A read notes the floor when it is put out. What it brings must not be older, nor newer than the last sequence that
//    was put out when its reply is judged.
//
// The owner publishes a sequence before its bytes leave, and a floor after the acknowledgement came in; both pass from
// thread to thread by release and acquire. Not here: values (VerifiedValue), judgements (OperationSource).

import Glibc
import Synchronization

final class Ledger: @unchecked Sendable {
    /// 18 bytes a key; pages that no write touched take none.
    static let keyCountMax = 200_000_000

    let keyCount: Int
    private let floors: UnsafeMutablePointer<Atomic<UInt64>>
    private let lasts: UnsafeMutablePointer<Atomic<UInt64>>
    /// Only the key's owner looks here. At its largest it stays there: so many outcomes are unknown.
    private let underway: UnsafeMutablePointer<UInt16>

    init(keyCount: Int) {
        self.keyCount = keyCount
        floors = Self.zeros(keyCount)
        lasts = Self.zeros(keyCount)
        underway = Self.zeros(keyCount)
    }

    deinit {
        free(floors)
        free(lasts)
        free(underway)
    }

    private static func zeros<Cell: ~Copyable>(_ count: Int) -> UnsafeMutablePointer<Cell> {
        guard let memory = calloc(Swift.max(count, 1), MemoryLayout<Cell>.stride) else {
            fatalError("out of memory: no room to verify \(count) keys; use fewer keys")
        }
        return memory.bindMemory(to: Cell.self, capacity: count)
    }

    @inline(__always)
    func floor(of key: Int) -> UInt64 { floors[key].load(ordering: .acquiring) }

    @inline(__always)
    func last(of key: Int) -> UInt64 { lasts[key].load(ordering: .acquiring) }

    /// A write is put out. Only the owner calls it.
    @inline(__always)
    func startWrite(of key: Int) -> (sequence: UInt64, isAlone: Bool) {
        let sequence = lasts[key].load(ordering: .relaxed) &+ 1
        lasts[key].store(sequence, ordering: .releasing)
        let isAlone = underway[key] == 0
        if underway[key] < .max { underway[key] &+= 1 }
        return (sequence, isAlone)
    }

    /// A write was acknowledged. Only the owner calls it; a write of unknown outcome is never reported.
    @inline(__always)
    func finishWrite(of key: Int, sequence: UInt64, wasAlone: Bool) {
        if underway[key] < .max { underway[key] &-= 1 }
        if wasAlone { floors[key].store(sequence, ordering: .releasing) }
    }
}
