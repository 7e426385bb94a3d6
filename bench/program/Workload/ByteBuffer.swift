// ByteBuffer: bytes that wait to be sent, in one piece of memory that grows and is kept.
// What was sent is cut off at the front without moving the rest; the rest moves only when room is needed.
//
//   | 0 ... head: sent | head ... tail: held | tail ... capacity: room |
//
// Not here: sockets (Load).

struct ByteBuffer: ~Copyable {
    /// What `removeAll` keeps.
    static let keptCapacityBytes = 65_536
    private static let capacityBytesMin = 64

    private var memory: UnsafeMutablePointer<UInt8>
    private(set) var capacityBytes: Int
    private var head = 0
    private var tail = 0

    init(capacityBytes: Int) {
        self.capacityBytes = Swift.max(capacityBytes, Self.capacityBytesMin)
        memory = .allocate(capacity: self.capacityBytes)
    }

    deinit { memory.deallocate() }

    @inline(__always) var count: Int { tail &- head }

    /// The first byte held; valid until the next call that changes the buffer.
    @inline(__always) var start: UnsafeMutablePointer<UInt8> { memory + head }

    /// Behind the last byte held.
    @inline(__always) var end: UnsafeMutablePointer<UInt8> { memory + tail }

    /// Makes room for `count` bytes at `end`; they are held once `commit` says so.
    @inline(__always)
    mutating func reserve(_ count: Int) {
        if capacityBytes &- tail < count { makeRoom(count) }
    }

    @inline(__always)
    mutating func commit(_ count: Int) { tail &+= count }

    @inline(__always)
    mutating func append(_ bytes: UnsafePointer<UInt8>, count: Int) {
        reserve(count)
        end.update(from: bytes, count: count)
        tail &+= count
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        reserve(1)
        end.pointee = byte
        tail &+= 1
    }

    mutating func append(decimal number: Int) {
        let digitCount = Decimal.width(number)
        reserve(digitCount)
        Decimal.write(number, at: end, width: digitCount)
        tail &+= digitCount
    }

    /// `$count CR LF`, the header of a bulk of `count` bytes.
    @inline(__always)
    mutating func append(bulkHeader count: Int) {
        append(UInt8(ascii: "$"))
        append(decimal: count)
        appendLineEnd()
    }

    @inline(__always)
    mutating func appendLineEnd() {
        reserve(2)
        end[0] = 13
        end[1] = 10
        tail &+= 2
    }

    /// Makes a bulk of the last `length` bytes: puts the header before them and CR LF behind.
    mutating func wrapAsBulk(last length: Int) {
        let headerBytes = Decimal.width(length) + 3
        reserve(headerBytes + 2)
        let body = end - length
        (body + headerBytes).update(from: body, count: length)
        body[0] = UInt8(ascii: "$")
        Decimal.write(length, at: body + 1, width: headerBytes - 3)
        body[headerBytes - 2] = 13
        body[headerBytes - 1] = 10
        tail += headerBytes
        appendLineEnd()
    }

    mutating func removeFirst(_ count: Int) {
        precondition(count >= 0 && count <= self.count)
        head &+= count
        if head == tail {
            head = 0
            tail = 0
        }
    }

    mutating func removeAll() {
        head = 0
        tail = 0
        guard capacityBytes > Self.keptCapacityBytes else { return }
        memory.deallocate()
        memory = .allocate(capacity: Self.keptCapacityBytes)
        capacityBytes = Self.keptCapacityBytes
    }

    @inline(never)
    private mutating func makeRoom(_ wanted: Int) {
        let held = count
        // Moving is cheap when more was sent than is held: each byte then moves once for a byte that left.
        if head >= held, held + wanted <= capacityBytes {
            memory.update(from: memory + head, count: held)
        } else {
            let grownBytes = Swift.max(capacityBytes * 2, held + wanted)
            let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: grownBytes)
            grown.update(from: memory + head, count: held)
            memory.deallocate()
            memory = grown
            capacityBytes = grownBytes
        }
        head = 0
        tail = held
    }
}
