// RequestScanner: where does a request end that comes in many pieces? It resumes at any byte but inside a header and
// looks at nothing twice, so a long request costs its bytes once, however small the pieces are.
//
//   header ──► body (bytes to skip) ──► CR LF ──► header of the next argument ... until none is left
//
// Not here: the arguments themselves (RequestParser reads them once the request is whole, or reads its front).

public struct RequestScanner: BitwiseCopyable, Equatable {
    public enum Progress: Equatable {
        /// The request ends `usedBytes` behind the start of this piece.
        case complete(usedBytes: Int)
        /// Go on with the byte behind `usedBytes`; fewer than 16 bytes, the front of a header, may be left over.
        case incomplete(usedBytes: Int)
        case malformed(RequestFault)
    }

    /// Arguments whose header is still to come; -1 before the request's own header.
    private var argumentsLeft = -1
    /// Bytes of the current argument still to come, its CR LF counted.
    private var bodyBytesLeft = 0

    public init() {}

    public mutating func advance(_ start: UnsafePointer<UInt8>, count: Int, limits: ParserLimits) -> Progress {
        var offset = 0
        while true {
            if bodyBytesLeft > 0 {
                let used = skipBody(start + offset, count: count - offset)
                guard used >= 0 else { return .malformed(.bulkEndInvalid) }
                offset += used
                if bodyBytesLeft > 0 { return .incomplete(usedBytes: offset) }
            }
            if argumentsLeft == 0 { return .complete(usedBytes: offset) }
            if offset == count { return .incomplete(usedBytes: offset) }
            let isFirst = argumentsLeft < 0
            if !isFirst && start[offset] != 0x24 { return .malformed(.bulkExpected(start[offset])) }
            switch scanLength(start + offset + 1, count: count - offset - 1) {
            case .incomplete: return .incomplete(usedBytes: offset)
            case .malformed: return .malformed(isFirst ? .argumentCountInvalid : .bulkLengthInvalid)
            case .length(let value, let headerBytes):
                offset += 1 + headerBytes
                if isFirst {
                    if value > limits.argumentCountMax { return .malformed(.argumentCountInvalid) }
                    argumentsLeft = max(0, value)
                } else {
                    if value < 0 || value > limits.bulkSizeBytesMax { return .malformed(.bulkLengthInvalid) }
                    argumentsLeft -= 1
                    bodyBytesLeft = value + 2
                }
            }
        }
    }

    /// - Returns: bytes used, or -1 where CR LF should stand and does not.
    private mutating func skipBody(_ start: UnsafePointer<UInt8>, count: Int) -> Int {
        var used = min(count, max(0, bodyBytesLeft - 2))
        bodyBytesLeft -= used
        while used < count, bodyBytesLeft > 0 {
            guard start[used] == (bodyBytesLeft == 2 ? 13 : 10) else { return -1 }
            used += 1
            bodyBytesLeft -= 1
        }
        return used
    }
}
