// ReplyMerge: the replies of several shards become the one reply that a single server would have given.
// Pure: replies in, bytes out. A backend can send anything: what has not the shape that the rule needs is a fault, and
// the caller answers it with an error.
// Not here: who waits for which part (Session), the choice of the rule (MergeRule, by command).

public import Wire

/// How the parts of one command become one reply.
public enum MergeRule: UInt8, BitwiseCopyable, Sendable {
    /// Integers are added: DEL, EXISTS, DBSIZE.
    case sum
    /// The first part stands for all, if none is an error: MSET, FLUSHALL, SCRIPT LOAD.
    case allSucceeded
    /// Values return to the order of the client's keys: MGET.
    case keyOrder
    /// Arrays follow each other: KEYS.
    case concatenate
    /// Element i is 1 where it is 1 in every part: SCRIPT EXISTS.
    case logicalAnd
    /// One part that is not an error: SCRIPT KILL.
    case oneSucceeded
    /// The part that comes first: a read that was asked twice.
    case fastest
    /// The smallest integer; of arrays of integers, the smallest at each place: WAIT, WAITAOF.
    case minimum
    /// The text of INFO, made by Session.
    case info
    /// Session makes the reply, by what it asked for: SCAN, SINTER over several shards, SLOWLOG GET.
    case gathered
}

public enum ReplyMerge {
    /// The reply is `-CODE text`.
    @inlinable
    public static func isError(_ reply: ByteView) -> Bool { reply.count > 0 && reply[0] == 0x2D }

    /// The reply is null in RESP2 or RESP3.
    @inlinable
    public static func isNull(_ reply: ByteView) -> Bool {
        reply.count >= 3 && (reply[0] == 0x5F || (reply[1] == 0x2D && (reply[0] == 0x24 || reply[0] == 0x2A)))
    }

    /// An error's text, without its `-` and CR LF.
    public static func errorText(_ reply: ByteView) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: reply.buffer.dropFirst().dropLast(2)), as: UTF8.self)
    }

    /// `:123 CR LF`. Nil: the reply is no integer of at most 18 digits.
    public static func integer(_ reply: ByteView) -> Int? {
        guard reply.count >= 4, reply[0] == 0x3A else { return nil }
        let isNegative = reply[1] == 0x2D
        let digits = (isNegative ? 2 : 1)..<(reply.count - 2)
        guard (1...18).contains(digits.count), reply[digits.upperBound] == 13 else { return nil }
        var value = 0
        for index in digits {
            let digit = reply[index] &- 48
            guard digit <= 9 else { return nil }
            value = value * 10 + Int(digit)
        }
        return isNegative ? -value : value
    }

    /// Elements of an array and where the first begins. Nil: it is no array, or a null one.
    @inlinable
    public static func arrayHeader(_ reply: ByteView) -> (count: Int, sizeBytes: Int)? {
        guard reply.count > 3, reply[0] == 0x2A || reply[0] == 0x7E,
            case .length(let count, let sizeBytes) = scanLength(reply.start + 1, count: reply.count &- 1), count >= 0
        else { return nil }
        return (count, sizeBytes &+ 1)
    }

    /// Bytes of the value at `offset`; nil when it is not all there.
    @inlinable
    public static func elementSizeBytes(_ reply: ByteView, at offset: Int) -> Int? {
        var scanner = ReplyScanner()
        guard case .complete(let used) = scanner.advance(reply.start + offset, count: reply.count &- offset) else {
            return nil
        }
        return used
    }

    /// Array headers take at most 13 bytes: `*` ten digits CR LF.
    @inlinable public static var headerSizeBytesMax: Int { 13 }

    /// Writes `*count CR LF` and returns its size.
    @inlinable
    public static func writeArrayHeader(_ count: Int, into target: UnsafeMutablePointer<UInt8>) -> Int {
        writeHeader(0x2A, count, into: target)
    }

    /// Writes a type byte, a number of 0 or more and CR LF; returns the size, at most `headerSizeBytesMax`.
    @inlinable
    public static func writeHeader(_ type: UInt8, _ number: Int, into target: UnsafeMutablePointer<UInt8>) -> Int {
        precondition(number >= 0 && number < 10_000_000_000)
        var digitCount = 1
        var limit = 10
        while number >= limit {
            digitCount &+= 1
            limit &*= 10
        }
        target[0] = type
        var rest = number
        var index = digitCount
        while index > 0 {
            target[index] = 48 &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index &-= 1
        }
        target[digitCount &+ 1] = 13
        target[digitCount &+ 2] = 10
        return digitCount &+ 3
    }

    /// Element-wise AND of arrays of 0 and 1.
    ///
    /// - Returns: the merged array; nil when a part is not an array of integers of the first one's length.
    package static func logicalAnd(_ parts: [ByteView]) -> [UInt8]? {
        elementwise(parts) { $0 == 1 && $1 == 1 ? 1 : 0 }
    }

    /// The smallest of integers, or of what stands at each place of arrays of them.
    ///
    /// - Returns: nil when the parts are of other shapes.
    package static func minimum(_ parts: [ByteView]) -> [UInt8]? {
        guard let first = parts.first, arrayHeader(first) == nil else { return elementwise(parts) { min($0, $1) } }
        let values = parts.map { integer($0) }
        guard !values.contains(nil), let smallest = values.compactMap({ $0 }).min() else { return nil }
        return Array(":\(smallest)\r\n".utf8)
    }

    private static func elementwise(_ parts: [ByteView], _ combine: (Int, Int) -> Int) -> [UInt8]? {
        var merged: [Int] = []
        for (partIndex, part) in parts.enumerated() {
            guard let values = integers(part), partIndex == 0 || values.count == merged.count else { return nil }
            merged = partIndex == 0 ? values : zip(merged, values).map(combine)
        }
        return Array(("*\(merged.count)\r\n" + merged.map { ":\($0)\r\n" }.joined()).utf8)
    }

    private static func integers(_ part: ByteView) -> [Int]? {
        // No element takes less than a byte: a longer claim is no array that came whole.
        guard let header = arrayHeader(part), header.count <= part.count else { return nil }
        var values: [Int] = []
        var offset = header.sizeBytes
        for _ in 0..<header.count {
            guard let size = elementSizeBytes(part, at: offset),
                let value = integer(ByteView(start: part.start + offset, count: size))
            else { return nil }
            values.append(value)
            offset += size
        }
        return values
    }
}
