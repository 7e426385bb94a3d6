// UnreadBytes: what a connection has received and nobody has read yet.
// Raw memory, because a debug build moves megabytes through an array one element at a time.

import Glibc

final class UnreadBytes {
    private static let room = 1 << 18
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * room, alignment: 16)
    private var start = 0
    private var end = 0

    deinit { memory.deallocate() }

    var count: Int { end - start }

    /// Lets `receive` write into free room; what it returns, when above 0, is the number of new bytes.
    func fill(_ receive: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        if start > 0 {
            memmove(memory.baseAddress!, memory.baseAddress! + start, count)
            (start, end) = (0, count)
        }
        if memory.count - end < Self.room {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * memory.count, alignment: 16)
            memcpy(larger.baseAddress!, memory.baseAddress!, end)
            memory.deallocate()
            memory = larger
        }
        let received = receive(UnsafeMutableRawBufferPointer(rebasing: memory[end...]))
        if received > 0 { end += received }
        return received
    }

    /// The next bytes, read now; they are good until the next `fill`.
    func take(_ size: Int) -> UnsafeRawBufferPointer {
        precondition(size <= count)
        defer { start += size }
        return UnsafeRawBufferPointer(rebasing: memory[start..<start + size])
    }

    /// Index, counted from the next byte, of a byte with this value.
    func firstIndex(of value: Int32, from offset: Int) -> Int? {
        guard let found = memchr(memory.baseAddress! + start + offset, value, count - offset) else { return nil }
        return found - (memory.baseAddress! + start)
    }
}

/// A copy as an array, made by one memcpy.
func bytesOf(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count) { target, count in
        if let source = bytes.baseAddress { memcpy(target.baseAddress!, source, bytes.count) }
        count = bytes.count
    }
}
