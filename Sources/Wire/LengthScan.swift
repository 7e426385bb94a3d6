// LengthScan: the decimal number and CR LF that follow the type byte of every RESP header.
// Only the canonical form is taken (no sign but a leading minus, no leading zero): Keyway forwards a request's bytes as
// they are, and a form that two parsers read differently would let one request hide in another.
// Not here: what the number means.

public enum LengthScan: Equatable {
    /// `sizeBytes` counts the digits, the sign and CR LF.
    case length(Int, sizeBytes: Int)
    case incomplete
    case malformed
}

/// Reads `digits CR LF` or `-1 CR LF`.
///
/// - Parameters:
///   - start: the byte behind the type byte.
///   - count: bytes that can be read, 0 or more; a peer can put anything there.
/// - Returns: a number of -1 or more; `.malformed` is final for this connection.
/// - Complexity: at most 13 steps, no allocation. Source: the RESP specification.
@inlinable
public func scanLength(_ start: UnsafePointer<UInt8>, count: Int) -> LengthScan {
    var index = 0
    var value = 0
    while index < count {
        let digit = start[index] &- 48  // 48 is ASCII "0".
        if digit > 9 { break }
        // Ten digits are above 2^31; no header needs more.
        if index == 10 || (index == 1 && value == 0) { return .malformed }
        value = value &* 10 &+ Int(digit)
        index &+= 1
    }
    if index &+ 1 < count, index > 0, start[index] == 13, start[index &+ 1] == 10 {
        return .length(value, sizeBytes: index &+ 2)
    }
    return scanUncommonLength(start, count: count, digitCount: index)
}

/// Minus one, a header that is not all there yet, and what is none.
@usableFromInline @inline(never)
func scanUncommonLength(_ start: UnsafePointer<UInt8>, count: Int, digitCount: Int) -> LengthScan {
    if digitCount == 0 {
        let minusOne: [UInt8] = [45, 49, 13, 10]
        for index in 0..<min(count, minusOne.count) where start[index] != minusOne[index] { return .malformed }
        return count >= minusOne.count ? .length(-1, sizeBytes: minusOne.count) : .incomplete
    }
    if digitCount == count { return .incomplete }
    return start[digitCount] == 13 && digitCount + 1 == count ? .incomplete : .malformed
}
