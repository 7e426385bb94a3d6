// KeyLives: how long it takes to bring each guarded key, and when it ends, as far as the workers of one process have
// seen. A key has a place by its hash, which the next key of that place takes over.
// Rule: it is only a guess, and nothing rests on it but when a key is brought anew: a key that was written past Keyway,
// or two of one place, are brought sooner or later than they should be.
// Not here: the lot (Routing/Expiry/EarlyRefresh).

import Synchronization

final class KeyLives: Sendable {
    /// Each place has two cells: when the key ends, and how long it takes to bring it.
    private static let cellCount = 2 * KeyLivesView.placeCount

    private let cells = AtomicCells<UInt64>(count: cellCount)

    var view: KeyLivesView { KeyLivesView(cells: cells.start) }
}

/// The places as the data path reaches them; they outlive it.
struct KeyLivesView: BitwiseCopyable {
    fileprivate static let placeCount = 1 << 14
    private static let valueBits: UInt64 = 48

    fileprivate let cells: UnsafeMutablePointer<Atomic<UInt64>>

    /// Nil where one of the two is not known.
    func life(of keyHash: UInt64) -> (endsAtMs: UInt64, bringMs: UInt64)? {
        let first = Self.firstCell(keyHash)
        let (end, bring) = (load(first, keyHash), load(first + 1, keyHash))
        return end > 0 && bring > 0 ? (end, bring) : nil
    }

    func noteBringing(_ keyHash: UInt64, tookMs: UInt64) {
        store(Self.firstCell(keyHash) + 1, keyHash, max(1, tookMs))
    }

    /// - Parameter atMs: 0: it is not known when it ends.
    func noteEnd(_ keyHash: UInt64, atMs: UInt64) { store(Self.firstCell(keyHash), keyHash, atMs) }

    private static func firstCell(_ keyHash: UInt64) -> Int {
        2 * Int(truncatingIfNeeded: keyHash & UInt64(placeCount - 1))
    }

    /// The hash's high bits and the value, so that no lock is needed for the two to belong together.
    private func store(_ cell: Int, _ keyHash: UInt64, _ value: UInt64) {
        let mask: UInt64 = (1 << Self.valueBits) - 1
        cells[cell].store(keyHash & ~mask | value & mask, ordering: .relaxed)
    }

    private func load(_ cell: Int, _ keyHash: UInt64) -> UInt64 {
        let word = cells[cell].load(ordering: .relaxed)
        let mask: UInt64 = (1 << Self.valueBits) - 1
        return word & ~mask == keyHash & ~mask ? word & mask : 0
    }
}
