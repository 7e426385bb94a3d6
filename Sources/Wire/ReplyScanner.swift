// ReplyScanner: where does a backend's reply end? RESP2 and RESP3, nested to any depth, split at any byte.
// A flat count of values still to come does without a stack: an aggregate of n adds n, every value takes one. Bodies
// are skipped by their length and never looked at, so a value of 512 MB costs nothing here.
// Not here: what a reply says (Routing/Merge), whose it is (Upstream).

public struct ReplyScanner: BitwiseCopyable, Equatable {
    public enum Progress: Equatable {
        /// The reply ends `usedBytes` behind the start of this piece.
        case complete(usedBytes: Int)
        /// Go on with the byte behind `usedBytes`; fewer than 16 bytes, the front of a header, may be left over.
        case incomplete(usedBytes: Int)
        case malformed
    }

    /// Values still to come, the one under way counted.
    @usableFromInline var valuesLeft = 1
    /// Bytes of a bulk's body still to come, its CR LF counted.
    @usableFromInline var bodyBytesLeft = 0
    /// Inside a simple string, an error or the like: everything up to CR LF belongs to it.
    @usableFromInline var isInLine = false
    /// In a line, the last byte of the piece before was CR.
    @usableFromInline var isBehindCR = false

    @inlinable
    public init() {}

    /// As good as fresh: what comes next is one whole value. So it is before a reply, and before its last element too.
    @inlinable
    public var isAtStart: Bool { valuesLeft == 1 && bodyBytesLeft == 0 && !isInLine }

    /// Bytes that are known to be still to come.
    public var knownBytesLeft: Int { bodyBytesLeft }

    @inlinable
    public mutating func advance(_ start: UnsafePointer<UInt8>, count: Int) -> Progress {
        var offset = 0
        while true {
            if bodyBytesLeft > 0 {
                let used = Swift.min(bodyBytesLeft, count &- offset)
                // The body's last byte is the LF of its CR LF.
                if used == bodyBytesLeft && start[offset &+ used &- 1] != 10 { return .malformed }
                bodyBytesLeft &-= used
                offset &+= used
                if bodyBytesLeft > 0 { return .incomplete(usedBytes: offset) }
                valuesLeft &-= 1
            } else if isInLine {
                guard let used = skipLine(start + offset, count: count &- offset) else {
                    if count > offset { isBehindCR = start[count &- 1] == 13 }
                    return .incomplete(usedBytes: count)
                }
                // Readers that look for CR LF would go on into the next reply, and take it for a part of this one.
                guard used > 1 ? start[offset &+ used &- 2] == 13 : isBehindCR else { return .malformed }
                isInLine = false
                isBehindCR = false
                offset &+= used
                valuesLeft &-= 1
            }
            if valuesLeft == 0 {
                self = ReplyScanner()
                return .complete(usedBytes: offset)
            }
            if offset == count { return .incomplete(usedBytes: offset) }
            switch start[offset] {
            case 0x24, 0x3D, 0x21:  // $ bulk, = verbatim, ! bulk error
                switch scanLength(start + (offset &+ 1), count: count &- offset &- 1) {
                case .length(let value, let headerBytes):
                    offset &+= 1 &+ headerBytes
                    if value < 0 { valuesLeft &-= 1 } else { bodyBytesLeft = value &+ 2 }
                case .incomplete: return .incomplete(usedBytes: offset)
                case .malformed: return .malformed
                }
            case 0x2B, 0x2D, 0x3A, 0x5F, 0x23, 0x2C, 0x28:  // + - : _ # , (
                offset &+= 1
                isInLine = true
            case 0x2A, 0x7E, 0x3E, 0x25, 0x7C:  // * array, ~ set, > push, % map, | attributes
                switch scanLength(start + (offset &+ 1), count: count &- offset &- 1) {
                case .length(let value, let headerBytes):
                    let type = start[offset]
                    offset &+= 1 &+ headerBytes
                    let values = Swift.max(0, value) &* (type == 0x25 || type == 0x7C ? 2 : 1)
                    // Attributes come before the value that they describe and do not stand for it.
                    valuesLeft &+= type == 0x7C ? values : values &- 1
                    if valuesLeft > Self.valuesLeftMax { return .malformed }
                case .incomplete: return .incomplete(usedBytes: offset)
                case .malformed: return .malformed
                }
            default: return .malformed
            }
        }
    }

    /// No server nests so deep that this many values are announced at once.
    @inlinable static var valuesLeftMax: Int { 1 << 40 }

    /// - Returns: the bytes up to and with the LF; nil when it has not come.
    @inlinable
    func skipLine(_ start: UnsafePointer<UInt8>, count: Int) -> Int? {
        var index = 0
        while index < count {
            if start[index] == 10 { return index &+ 1 }
            index &+= 1
        }
        return nil
    }
}
