// HotSlots: what the workers of one process, of all its generations, tell each other of the hot keys of a pool, without
// waiting: for each of 4,096 slots, by the key's hash, how many workers keep copies there, and a version that every
// write raises.
//
//     write ──► raise ──► shard ──► its reply ──► raise ──► its client       copy: as of version v, good while v stands
//
// Rule: a copy is used only while its slot's version, and the pool's, are those of the moment when it was asked for. A
// write raises the version before it is sent, so that no older copy is used from then on, and again when its reply
// comes, before anybody sees that: what was copied in between may be older than the write.
// Two keys that share a slot cost each other a copy, never a wrong answer.
// Not here: the copies (CopyTable), writers that do not pass through here (Engine+Cover hears of them).

import Routing
import Synchronization

final class HotSlots: Sendable {
    static let countLog2 = 12
    static let count = 1 << countLog2

    /// A version and a number of workers for each slot, the pool's version, how often a slot has become hot, and the
    /// copies on servers.
    private static let cellCount = 2 * count + 3

    private let cells = AtomicCells<UInt32>(count: cellCount)

    /// - Parameter closed: see `HotKeyBoard.close`.
    func view(closed: AtomicCells<UInt32>) -> HotSlotsView { HotSlotsView(cells: cells.start, closed: closed.start) }
}

/// What a reply ends: the copies of one slot, or all of the pool; or the sampled request that it answers.
typealias HotMark = UInt16

/// The slots as the data path reaches them; they outlive it.
struct HotSlotsView: BitwiseCopyable {
    fileprivate let cells: UnsafeMutablePointer<Atomic<UInt32>>
    fileprivate let closed: UnsafeMutablePointer<Atomic<UInt32>>

    /// Ends all copies of the pool.
    static let everything: HotMark = .max

    @inline(__always)
    static func slot(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 52) }

    @inline(__always)
    static func mark(of slot: Int) -> HotMark { HotMark(truncatingIfNeeded: slot &+ 1) }

    /// Other numbers than those of slots and of everything.
    private static let sampleMarks: HotMark = 0x8000
    private static let sampleMarksMask: HotMark = 0xC000

    static func mark(of handle: ReplyHandle) -> HotMark { sampleMarks | HotMark(handle.rawValue) }

    /// Nil for a mark of copies.
    static func handle(of mark: HotMark) -> ReplyHandle? {
        mark & sampleMarksMask == sampleMarks ? ReplyHandle(rawValue: UInt8(truncatingIfNeeded: mark)) : nil
    }

    /// One mark for what two say.
    static func join(_ one: HotMark, _ other: HotMark) -> HotMark {
        one == 0 || one == other ? other : other == 0 ? one : everything
    }

    /// Some worker keeps copies of a key of this slot.
    @inline(__always)
    func isHot(_ slot: Int) -> Bool { cells[2 &* slot &+ 1].load(ordering: .relaxed) != 0 }

    func changeHotCount(_ slot: Int, by change: Int) {
        let cell = cells + (2 * slot + 1)
        if change > 0 {
            cell.pointee.add(UInt32(change), ordering: .sequentiallyConsistent)
            cells[2 * HotSlots.count + 1].wrappingAdd(1, ordering: .sequentiallyConsistent)
        } else {
            cell.pointee.subtract(UInt32(-change), ordering: .sequentiallyConsistent)
        }
    }

    /// Another number than before: what was no hot key then may be one now.
    var heatings: UInt32 { cells[2 * HotSlots.count + 1].load(ordering: .sequentiallyConsistent) }

    /// Copies on servers that are there, as far as any worker knows.
    var spreadCopies: Int {
        Int(cells[2 * HotSlots.count + 2].load(ordering: .relaxed))
    }

    func changeSpreadCopies(by change: Int) {
        cells[2 * HotSlots.count + 2].wrappingAdd(UInt32(truncatingIfNeeded: change), ordering: .relaxed)
    }

    /// Versions of a slot and of the pool, as one number.
    @inline(__always)
    func version(_ slot: Int) -> UInt64 {
        UInt64(cells[2 &* HotSlots.count].load(ordering: .acquiring)) << 32
            | UInt64(cells[2 &* slot].load(ordering: .acquiring))
    }

    /// No copy may be used any more, by any worker of this generation.
    var isClosed: Bool { closed.pointee.load(ordering: .sequentiallyConsistent) != 0 }

    /// Copies that the mark names are used no more, by any worker.
    func raise(_ mark: HotMark) {
        let cell = cells + (mark == Self.everything ? 2 * HotSlots.count : 2 * (Int(mark) - 1))
        cell.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }
}
