// BigKeys: the keys with the largest requests and replies that were seen, few of them, each for ten minutes after it
// was last as large as that. They need not be hot: one large reply now and then is what makes everybody else wait.
// Not here: which replies are looked at (HotKeySampler, SampledReplies).

/// A key with a large request or reply.
package struct BigKey: Sendable, Equatable {
    package var key: ShownKey
    package var poolIndex: Int
    package var shardIndex: Int
    /// The largest that was seen.
    package var sizeBytes: Int
}

struct BigKeys: BitwiseCopyable {
    private struct Entry: BitwiseCopyable {
        /// 0: free.
        var sizeBytes = 0
        var shardIndex: Int32 = 0
        var seenAtMs: UInt64 = 0
    }

    static let lifetimeMs: UInt64 = 600_000

    private let entries: UnsafeMutablePointer<Entry>
    private let shelf: KeyShelf
    private let count: Int
    private let sizeBytesMin: Int

    static func sizeBytes(count: Int) -> Int {
        count * MemoryLayout<Entry>.stride + KeyShelf.sizeBytes(keyCount: count)
    }

    static func allocate(count: Int, sizeBytesMin: Int) -> BigKeys {
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: count)
        entries.initialize(repeating: Entry(), count: count)
        return BigKeys(entries: entries, shelf: .allocate(keyCount: count), count: count, sizeBytesMin: sizeBytesMin)
    }

    private init(entries: UnsafeMutablePointer<Entry>, shelf: KeyShelf, count: Int, sizeBytesMin: Int) {
        self.entries = entries
        self.shelf = shelf
        self.count = count
        self.sizeBytesMin = max(1, sizeBytesMin)
    }

    func deallocate() {
        entries.deallocate()
        shelf.deallocate()
    }

    /// A request or a reply of this size was seen.
    @inline(__always)
    func offer(_ key: HashedKey, shardIndex: Int32, sizeBytes: Int, nowMs: UInt64) {
        if sizeBytes >= sizeBytesMin { place(key, shardIndex: shardIndex, sizeBytes: sizeBytes, nowMs: nowMs) }
    }

    @inline(never)
    private func place(_ key: HashedKey, shardIndex: Int32, sizeBytes: Int, nowMs: UInt64) {
        var least = 0
        var leastBytes = Int.max
        for index in 0..<count {
            let held = isLive(index, nowMs: nowMs) ? entries[index].sizeBytes : 0
            if held > 0, shelf.holds(key, at: index) {
                guard sizeBytes >= held else { return }
                entries[index] = Entry(sizeBytes: sizeBytes, shardIndex: shardIndex, seenAtMs: nowMs)
                return
            }
            if held < leastBytes {
                least = index
                leastBytes = held
            }
        }
        guard sizeBytes > leastBytes else { return }
        entries[least] = Entry(sizeBytes: sizeBytes, shardIndex: shardIndex, seenAtMs: nowMs)
        shelf.put(key, at: least)
    }

    private func isLive(_ index: Int, nowMs: UInt64) -> Bool {
        entries[index].sizeBytes > 0 && nowMs - min(nowMs, entries[index].seenAtMs) < Self.lifetimeMs
    }

    func list(nowMs: UInt64, poolIndex: Int) -> [BigKey] {
        (0..<count).filter { isLive($0, nowMs: nowMs) }.map {
            BigKey(
                key: shelf.shownKey(at: $0), poolIndex: poolIndex, shardIndex: Int(entries[$0].shardIndex),
                sizeBytes: entries[$0].sizeBytes)
        }
    }
}
