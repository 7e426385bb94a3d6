// ExpiryArgument: where a write says how long its key may live, so that keys which are written together need not end
// together.
// Rule: only spans of time are changed, never moments (EXAT, PXAT, EXPIREAT): who names a moment means it.
// Not here: sending the changed request (Session).

package import Wire

package enum ExpiryArgument {
    /// - Returns: nil where the request sets no span, or is one that its server will refuse.
    package static func index(of row: UnsafePointer<CommandRow>, _ request: RequestView) -> Int? {
        switch row.pointee.id {
        case .setex, .psetex, .expire, .pexpire: 2
        case .set: option(request, from: 3)
        case .getex: option(request, from: 2)
        default: nil
        }
    }

    private static func option(_ request: RequestView, from first: Int) -> Int? {
        guard first < request.argumentCount - 1 else { return nil }
        for index in first..<(request.argumentCount - 1) {
            let word = request[index]
            // Setting the sixth bit makes letters small.
            guard word.count == 2, word[1] | 32 == UInt8(ascii: "x") else { continue }
            if word[0] | 32 == UInt8(ascii: "e") || word[0] | 32 == UInt8(ascii: "p") { return index + 1 }
        }
        return nil
    }

    /// How long the key lives once the request is executed.
    ///
    /// - Parameter span: in place of the one in the request.
    /// - Returns: nil where the request does not say it, or on a condition only.
    package static func lifeMs(of row: UnsafePointer<CommandRow>, _ request: RequestView, span: Int? = nil) -> UInt64? {
        guard let index = index(of: row, request), let span = span ?? number(request[index]), span > 0 else {
            return nil
        }
        let inMs: Bool
        switch row.pointee.id {
        case .psetex: inMs = true
        case .setex: inMs = false
        case .expire, .pexpire:
            if request.argumentCount > 3 { return nil }
            inMs = row.pointee.id == .pexpire
        default: inMs = request[index - 1][0] | 32 == UInt8(ascii: "p")
        }
        return UInt64(span) * (inMs ? 1 : 1_000)
    }

    /// A span up to `percent` shorter or longer, at least 1.
    ///
    /// - Parameter random: 32 random bits.
    /// - Returns: nil where `text` is no such span.
    package static func spread(_ text: ByteView, percent: Int, random: UInt32) -> Int? {
        guard let span = number(text), span > 0 else { return nil }
        let part = Double(percent) / 100 * (Double(random) / Double(UInt32.max) * 2 - 1)
        return max(1, span + Int((Double(span) * part).rounded()))
    }

    private static func number(_ text: ByteView) -> Int? {
        var number = 0
        guard text.count > 0, text.count <= 15 else { return nil }
        for index in 0..<text.count {
            guard text[index] >= 48, text[index] <= 57 else { return nil }
            number = number * 10 + Int(text[index] - 48)
        }
        return number
    }
}
