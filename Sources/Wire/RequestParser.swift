// RequestParser: cuts the bytes of one client into requests, in place.
// A request is a list of ranges into the buffer and dies when that buffer moves. Every loop is bounded by ParserLimits;
// reaching a limit is a protocol error, never a wait. Memory follows the bytes that have come, never a length that a
// peer claimed: six bytes must have arrived for each argument that is noted.
// Not here: requests longer than one buffer (RequestScanner), inline requests (InlineParser), what a command means.

/// Argument ranges of the request that is being parsed; one list a worker, used again and again.
public struct ArgumentList: ~Copyable {
    public var start: UnsafeMutablePointer<ArgumentRange>
    public internal(set) var capacity = 64
    private static let capacityKept = 4_096

    public init() { start = .allocate(capacity: 64) }

    deinit { start.deallocate() }

    @usableFromInline @inline(never)
    mutating func grow() {
        let wider = UnsafeMutablePointer<ArgumentRange>.allocate(capacity: capacity * 2)
        wider.moveInitialize(from: start, count: capacity)
        start.deallocate()
        start = wider
        capacity *= 2
    }

    /// Gives memory back after a very long request.
    public mutating func shrink() {
        guard capacity > Self.capacityKept else { return }
        start.deallocate()
        capacity = Self.capacityKept
        start = .allocate(capacity: capacity)
    }
}

public enum ParsedRequest {
    case complete(RequestView)
    /// `*0` or an empty line: nothing to do, `sizeBytes` to skip.
    case empty(sizeBytes: Int)
    /// At least `sizeBytesMin` bytes from the request's start are needed; more may be.
    case incomplete(sizeBytesMin: Int)
    case malformed(RequestFault)
}

public enum RequestParser {
    /// Parses one request in array form; `start[0]` is `*`.
    ///
    /// - Parameter count: bytes that can be read, at least 1.
    @inlinable
    public static func parse(
        _ start: UnsafePointer<UInt8>, count: Int, limits: ParserLimits, arguments: inout ArgumentList
    ) -> ParsedRequest {
        let argumentCount: Int
        var offset: Int
        switch scanLength(start + 1, count: count &- 1) {
        case .length(let value, let sizeBytes):
            argumentCount = value
            offset = 1 &+ sizeBytes
        case .incomplete: return .incomplete(sizeBytesMin: count &+ 1)
        case .malformed: return .malformed(.argumentCountInvalid)
        }
        if argumentCount < 1 { return .empty(sizeBytes: offset) }
        if argumentCount > limits.argumentCountMax { return .malformed(.argumentCountInvalid) }

        var index = 0
        while index < argumentCount {
            if offset >= count { return .incomplete(sizeBytesMin: offset &+ 5) }
            if start[offset] != 0x24 { return .malformed(.bulkExpected(start[offset])) }
            switch scanLength(start + (offset &+ 1), count: count &- offset &- 1) {
            case .length(let sizeBytes, let headerBytes):
                if sizeBytes < 0 || sizeBytes > limits.bulkSizeBytesMax { return .malformed(.bulkLengthInvalid) }
                offset &+= 1 &+ headerBytes
                let end = offset &+ sizeBytes
                if end &+ 2 > count { return .incomplete(sizeBytesMin: end &+ 2) }
                if start[end] != 13 || start[end &+ 1] != 10 { return .malformed(.bulkEndInvalid) }
                if index == arguments.capacity { arguments.grow() }
                arguments.start[index] = ArgumentRange(
                    offset: UInt32(truncatingIfNeeded: offset), sizeBytes: UInt32(truncatingIfNeeded: sizeBytes))
                offset = end &+ 2
            case .incomplete: return .incomplete(sizeBytesMin: count &+ 1)
            case .malformed: return .malformed(.bulkLengthInvalid)
            }
            index &+= 1
        }
        return .complete(
            RequestView(
                start: start, sizeBytes: offset, arguments: UnsafePointer(arguments.start),
                argumentCount: argumentCount))
    }

    /// The arguments at the front of a request that is not all there; the view's `argumentCount` counts only those.
    ///
    /// - Parameter count: bytes that can be read, at least 1.
    /// - Returns: nil when not even the first argument is there.
    public static func parsePrefix(
        _ start: UnsafePointer<UInt8>, count: Int, arguments: inout ArgumentList
    ) -> (view: RequestView, announcedCount: Int)? {
        guard case .length(let announced, let headerBytes) = scanLength(start + 1, count: count - 1) else { return nil }
        var offset = 1 + headerBytes
        var index = 0
        while index < min(announced, arguments.capacity), offset < count, start[offset] == 0x24,
            case .length(let sizeBytes, let bulkHeaderBytes) = scanLength(
                start + offset + 1, count: count - offset - 1),
            sizeBytes >= 0, offset + 1 + bulkHeaderBytes + sizeBytes + 2 <= count
        {
            offset += 1 + bulkHeaderBytes
            arguments.start[index] = ArgumentRange(offset: UInt32(offset), sizeBytes: UInt32(sizeBytes))
            offset += sizeBytes + 2
            index += 1
        }
        guard index > 0 else { return nil }
        let view = RequestView(
            start: start, sizeBytes: offset, arguments: UnsafePointer(arguments.start), argumentCount: index)
        return (view, announced)
    }
}
