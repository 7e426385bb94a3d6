// ByteQueue: bytes in order, put in at the back and taken from the front, in one piece of memory.
// Plain pointers, because the simulation also has to be fast where nothing is optimized.
// Not here: how many bytes may wait (SimulatedSocket).

import Glibc

struct ByteQueue: ~Copyable {
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 256
    private var front = 0
    private var back = 0

    init() { memory = .allocate(capacity: 256) }

    deinit { memory.deallocate() }

    var count: Int { back &- front }
    var isEmpty: Bool { back == front }
    /// Good until the next change.
    var start: UnsafeMutablePointer<UInt8> { memory + front }

    mutating func append(_ bytes: UnsafePointer<UInt8>, count: Int) {
        memcpy(grow(by: count), bytes, count)
    }

    mutating func append(_ text: StaticString) { append(text.utf8Start, count: text.utf8CodeUnitCount) }

    /// Makes room for `count` bytes at the back, for the caller to fill.
    mutating func grow(by count: Int) -> UnsafeMutablePointer<UInt8> {
        if back &+ count > capacity { makeRoom(count) }
        defer { back = back &+ count }
        return memory + back
    }

    private mutating func makeRoom(_ count: Int) {
        let kept = back - front
        if kept + count > capacity / 2 {
            capacity = (kept + count) * 2
            let wider = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
            memcpy(wider, memory + front, kept)
            memory.deallocate()
            memory = wider
        } else {
            memmove(memory, memory + front, kept)
        }
        front = 0
        back = kept
    }

    mutating func dropFirst(_ count: Int) {
        front = front &+ count
        if front == back { removeAll() }
    }

    mutating func dropLast(_ count: Int) { back = back &- count }

    mutating func removeAll() {
        front = 0
        back = 0
    }

    // MARK: RESP

    /// `type number CR LF`.
    mutating func append(_ type: Unicode.Scalar, _ number: Int) {
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { buffer in
            let end = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self) + 24
            var position = end - 2
            position[0] = 13
            position[1] = 10
            var left = number.magnitude
            repeat {
                position -= 1
                position[0] = 48 &+ UInt8(truncatingIfNeeded: left % 10)
                left /= 10
            } while left > 0
            if number < 0 {
                position -= 1
                position[0] = 45
            }
            position -= 1
            position[0] = UInt8(truncatingIfNeeded: type.value)
            append(position, count: end - position)
        }
    }

    /// `$length CR LF bytes CR LF`.
    mutating func appendBulk(_ text: StaticString) {
        append("$", text.utf8CodeUnitCount)
        append(text)
        append("\r\n")
    }

    mutating func appendBulk(_ bytes: [UInt8]) {
        append("$", bytes.count)
        append(bytes, count: bytes.count)
        append("\r\n")
    }
}
