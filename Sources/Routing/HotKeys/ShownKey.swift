// ShownKey: a key of any length as it is shown to people and told from others: its beginning, its length and its hash.
// Not here: keys in use (HashedKey in KeyShelf).

package struct ShownKey: Sendable, Hashable {
    /// All of it, or the beginning of a long one.
    package let bytes: [UInt8]
    /// Of the whole key.
    package let sizeBytes: Int
    package let hash: UInt64

    package init(bytes: [UInt8], sizeBytes: Int, hash: UInt64) {
        self.bytes = bytes
        self.sizeBytes = sizeBytes
        self.hash = hash
    }

    package var isWhole: Bool { bytes.count == sizeBytes }

    /// For people: a long key ends with `…(n bytes)`.
    package var text: [UInt8] { isWhole ? bytes : bytes + Array("…(\(sizeBytes) bytes)".utf8) }
}
