// KeyShelf: the bytes of a fixed number of keys in one block of memory. Of a long key its beginning is kept; its length
// and its hash tell it from others that begin alike.
// Not here: which key stands where and for how long (HotKeyNames, BigKeys, SampledReplies).

import Glibc

/// A key with its hash. Only as many bytes are ever read behind `start` as a shelf keeps.
struct HashedKey: BitwiseCopyable {
    let start: UnsafePointer<UInt8>
    /// All of the key.
    let sizeBytes: Int
    let hash: UInt64

    var keptBytes: Int { min(sizeBytes, KeyShelf.keptBytesMax) }
}

struct KeyShelf: BitwiseCopyable {
    private struct Label: BitwiseCopyable {
        var hash: UInt64 = 0
        var sizeBytes = 0
    }

    static let keptBytesMax = 256

    private let labels: UnsafeMutablePointer<Label>
    private let bytes: UnsafeMutablePointer<UInt8>

    static func allocate(keyCount: Int) -> KeyShelf {
        let labels = UnsafeMutablePointer<Label>.allocate(capacity: keyCount)
        labels.initialize(repeating: Label(), count: keyCount)
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: keyCount * keptBytesMax)
        bytes.initialize(repeating: 0, count: keyCount * keptBytesMax)
        return KeyShelf(labels: labels, bytes: bytes)
    }

    func deallocate() {
        labels.deallocate()
        bytes.deallocate()
    }

    static func sizeBytes(keyCount: Int) -> Int { keyCount * (MemoryLayout<Label>.stride + keptBytesMax) }

    func put(_ key: HashedKey, at index: Int) {
        labels[index] = Label(hash: key.hash, sizeBytes: key.sizeBytes)
        memcpy(bytes + index &* Self.keptBytesMax, key.start, key.keptBytes)
    }

    func holds(_ key: HashedKey, at index: Int) -> Bool {
        labels[index].hash == key.hash && labels[index].sizeBytes == key.sizeBytes
            && memcmp(bytes + index &* Self.keptBytesMax, key.start, key.keptBytes) == 0
    }

    /// Good until another key is put there.
    func key(at index: Int) -> HashedKey {
        HashedKey(
            start: UnsafePointer(bytes + index &* Self.keptBytesMax), sizeBytes: labels[index].sizeBytes,
            hash: labels[index].hash)
    }

    func shownKey(at index: Int) -> ShownKey {
        let key = key(at: index)
        return ShownKey(
            bytes: Array(UnsafeBufferPointer(start: key.start, count: key.keptBytes)), sizeBytes: key.sizeBytes,
            hash: key.hash)
    }
}
