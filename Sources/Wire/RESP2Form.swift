// RESP2Form: a whole RESP3 reply as a server would have sent it in RESP2, for commands whose reply has one shape in
// both protocols and differs in its types only: a map is the array of its keys and values, a set is an array, a double
// is the bulk string of its digits, null is the null bulk string.
// Rule: the reply is whole and well formed, as ReplyScanner has found it to be.
// Not here: which commands those are (Routing/HotKeys/CopyableReads); ZRANGE WITHSCORES, say, is none of them.

public enum RESP2Form {
    /// What `write` needs at most, for a reply of so many bytes.
    public static func sizeBytesMax(of sizeBytes: Int) -> Int { sizeBytes &* 3 &+ 16 }

    /// - Returns: bytes written to `out`, which has room for `sizeBytesMax(of: count)`.
    public static func write(
        _ reply: UnsafePointer<UInt8>, count: Int, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var writer = Writer(out: out)
        var offset = 0
        while offset < count {
            let end = lineEnd(reply, offset, count)
            let text = UnsafeBufferPointer(start: reply + offset + 1, count: end - offset - 1)
            offset = end + 2
            switch reply[offset - text.count - 3] {
            case UInt8(ascii: "_"): writer.put("$-1\r\n")
            case UInt8(ascii: "#"): writer.put(text.first == UInt8(ascii: "t") ? ":1\r\n" : ":0\r\n")
            case UInt8(ascii: ","): writer.putBulk(text)
            case UInt8(ascii: "%"): writer.putHeader("*", 2 &* number(text))
            case UInt8(ascii: "~"): writer.putHeader("*", number(text))
            case UInt8(ascii: "="):
                // `txt:` or the like comes before the text.
                let length = number(text)
                writer.putBulk(UnsafeBufferPointer(start: reply + offset + 4, count: max(0, length - 4)))
                offset += length + 2
            case UInt8(ascii: "$"):
                let length = number(text)
                let bodyBytes = length < 0 ? 0 : length + 2
                writer.put(reply + (offset - text.count - 3), count: text.count + 3 + bodyBytes)
                offset += bodyBytes
            default: writer.put(reply + (offset - text.count - 3), count: text.count + 3)
            }
        }
        return writer.count
    }

    private static func lineEnd(_ reply: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var end = start
        while end < count, reply[end] != 13 { end += 1 }
        return end
    }

    private static func number(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        var value = 0
        for byte in text where byte != UInt8(ascii: "-") { value = value &* 10 &+ Int(byte &- 48) }
        return text.first == UInt8(ascii: "-") ? -value : value
    }

    private struct Writer {
        let out: UnsafeMutablePointer<UInt8>
        var count = 0

        mutating func put(_ bytes: UnsafePointer<UInt8>, count size: Int) {
            (out + count).update(from: bytes, count: size)
            count += size
        }

        mutating func put(_ text: StaticString) { put(text.utf8Start, count: text.utf8CodeUnitCount) }

        mutating func putHeader(_ type: StaticString, _ number: Int) {
            put(type)
            var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
            withUnsafeMutableBytes(of: &digits) { digits in
                var place = digits.count
                var rest = number
                repeat {
                    place -= 1
                    digits[place] = 48 + UInt8(rest % 10)
                    rest /= 10
                } while rest > 0
                put(digits.baseAddress!.assumingMemoryBound(to: UInt8.self) + place, count: digits.count - place)
            }
            put("\r\n")
        }

        mutating func putBulk(_ text: UnsafeBufferPointer<UInt8>) {
            putHeader("$", text.count)
            if let start = text.baseAddress { put(start, count: text.count) }
            put("\r\n")
        }
    }
}
