// HashTag: the two bytes that mark the part of a key which decides its place, so that keys can be kept together.
// twemproxy and Valkey Cluster have the same rule; Cluster's pair is always { and }.

/// A pair such as `{}`; both bytes may be the same, as in `$$`.
public struct HashTag: BitwiseCopyable, Sendable, Equatable {
    public let open: UInt8
    public let close: UInt8

    @inlinable
    public init(open: UInt8, close: UInt8) {
        self.open = open
        self.close = close
    }

    /// The config file's form; nil unless `text` is exactly two bytes.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 2 else { return nil }
        self.init(open: bytes[0], close: bytes[1])
    }

    /// Valkey Cluster's pair.
    @inlinable
    public static var braces: HashTag { HashTag(open: UInt8(ascii: "{"), close: UInt8(ascii: "}")) }

    /// The bytes between the first `open` and the first `close` after it; the whole key if either is missing or
    /// nothing lies between. It never looks further: `{}{x}` counts whole.
    @inlinable
    public func region(of key: UnsafePointer<UInt8>, count: Int) -> (start: UnsafePointer<UInt8>, count: Int) {
        var openIndex = 0
        while openIndex < count, key[openIndex] != open { openIndex &+= 1 }
        let start = openIndex &+ 1
        var end = start
        while end < count, key[end] != close { end &+= 1 }
        guard end < count, end > start else { return (key, count) }
        return (key + start, end &- start)
    }
}
