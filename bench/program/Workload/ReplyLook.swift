// ReplyLook: what a reply is, by its first bytes, and what is inside an array of replies; RESP2 and RESP3.
// Nil is `$-1`, `*-1` or `_`. Nothing is allocated and nothing kept.
// Not here: what was expected (OperationSource).

import Wire

enum ReplyLook {
    case error, none, other

    /// By the first two bytes.
    @inline(__always)
    static func at(_ reply: UnsafePointer<UInt8>, count: Int) -> ReplyLook {
        switch reply[0] {
        case UInt8(ascii: "-"), UInt8(ascii: "!"): .error
        case UInt8(ascii: "_"): .none
        case UInt8(ascii: "$"), UInt8(ascii: "*"): count > 1 && reply[1] == UInt8(ascii: "-") ? .none : .other
        default: .other
        }
    }

    /// Whether the elements of an array hold errors or nils; nil when the reply is no whole array.
    static func inside(_ reply: UnsafePointer<UInt8>, count: Int) -> (hasError: Bool, hasNone: Bool)? {
        guard var (elements, offset) = arrayHeader(reply, count: count) else { return nil }
        var (hasError, hasNone) = (false, false)
        while elements > 0 {
            guard offset < count else { return nil }
            switch at(reply + offset, count: count - offset) {
            case .error: hasError = true
            case .none: hasNone = true
            case .other: break
            }
            var scanner = ReplyScanner()
            guard case .complete(let usedBytes) = scanner.advance(reply + offset, count: count - offset) else {
                return nil
            }
            offset += usedBytes
            elements -= 1
        }
        return (hasError, hasNone)
    }

    /// Elements of an array and the bytes of its header.
    static func arrayHeader(_ reply: UnsafePointer<UInt8>, count: Int) -> (elements: Int, offset: Int)? {
        guard count > 0, reply[0] == UInt8(ascii: "*"),
            case .length(let elements, let sizeBytes) = scanLength(reply + 1, count: count - 1), elements >= 0
        else { return nil }
        return (elements, 1 + sizeBytes)
    }
}
