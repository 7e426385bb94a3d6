// KeyPrefixes: whether a key begins with one of a few prefixes, for the data path, which counts no references.
// Ownership: whoever makes them frees them.
// Not here: prefixes that are asked for now and then (Routing/HotKeys/HotKeyPolicy).

import Glibc
import Wire

struct KeyPrefixes: BitwiseCopyable {
    /// Of all, one behind the other.
    private let bytes: UnsafeMutablePointer<UInt8>
    private let sizes: UnsafeMutableBufferPointer<Int>

    init(_ prefixes: [[UInt8]]) {
        let all = prefixes.joined()
        bytes = .allocate(capacity: max(1, all.count))
        for (index, byte) in all.enumerated() { (bytes + index).initialize(to: byte) }
        sizes = .allocate(capacity: prefixes.count)
        _ = sizes.initialize(from: prefixes.map(\.count))
    }

    func deallocate() {
        bytes.deallocate()
        sizes.deallocate()
    }

    func has(frontOf key: ByteView) -> Bool {
        var prefix = bytes
        for sizeBytes in sizes {
            if key.count >= sizeBytes, memcmp(key.start, prefix, sizeBytes) == 0 { return true }
            prefix += sizeBytes
        }
        return false
    }
}
