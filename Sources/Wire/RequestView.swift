// RequestView: one parsed request, borrowed from the buffer that it lies in.
// It owns nothing and dies when that buffer moves. RequestParser makes it; Routing reads it.
// Not here: what a command means (Routing/Commands), how the bytes were cut (RequestParser).

import Glibc

/// Where one argument lies, counted from the first byte of its request.
public struct ArgumentRange: BitwiseCopyable, Sendable {
    public var offset: UInt32
    public var sizeBytes: UInt32

    @inlinable
    public init(offset: UInt32, sizeBytes: UInt32) {
        self.offset = offset
        self.sizeBytes = sizeBytes
    }
}

/// A borrowed run of bytes; like `UnsafeRawBufferPointer`, with the base never nil.
public struct ByteView: BitwiseCopyable {
    public let start: UnsafePointer<UInt8>
    public let count: Int

    @inlinable
    public init(start: UnsafePointer<UInt8>, count: Int) {
        self.start = start
        self.count = count
    }

    @inlinable
    public subscript(index: Int) -> UInt8 { start[index] }

    /// Byte for byte.
    package func isEqual(to other: ByteView) -> Bool {
        count == other.count && memcmp(start, other.start, count) == 0
    }

    /// The same bytes for an API that wants the standard library's type.
    @inlinable
    public var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
}

/// One whole request in RESP array form: `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`.
public struct RequestView: BitwiseCopyable {
    /// First byte of the request, the `*`.
    public let start: UnsafePointer<UInt8>
    /// All of it, to the last LF.
    public let sizeBytes: Int
    /// Argument 0 is the command's name.
    public let arguments: UnsafePointer<ArgumentRange>
    /// At least 1.
    public let argumentCount: Int

    @inlinable
    public init(
        start: UnsafePointer<UInt8>, sizeBytes: Int, arguments: UnsafePointer<ArgumentRange>, argumentCount: Int
    ) {
        self.start = start
        self.sizeBytes = sizeBytes
        self.arguments = arguments
        self.argumentCount = argumentCount
    }

    /// The bytes of argument `index`, which must be below `argumentCount`.
    @inlinable
    public subscript(index: Int) -> ByteView {
        let range = arguments[index]
        return ByteView(start: start + Int(range.offset), count: Int(range.sizeBytes))
    }
}
