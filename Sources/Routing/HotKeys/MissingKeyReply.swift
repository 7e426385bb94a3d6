// MissingKeyReply: whether a reply could be one about a key that is not there. A copy may be evicted, flushed or
// deleted unseen, so such a reply of a copy is only believed once it is known that the copy is still there.
// Rule: no reply that a missing key can have looks otherwise; the other way round, a doubt too many costs one question.
// Not here: what is asked then (Session/HotKeys/Engine+SpreadReads).

package import Wire

package enum MissingKeyReply {
    /// - Parameter reply: whole, and no error.
    package static func couldBe(_ reply: ByteView) -> Bool {
        var offset = 0
        while offset < reply.count {
            guard let sizeBytes = emptySizeBytes(reply, at: offset) else { return false }
            offset += sizeBytes
        }
        return true
    }

    /// Bytes of one value that says nothing, or of the head of some; nil when it says something.
    private static func emptySizeBytes(_ reply: ByteView, at offset: Int) -> Int? {
        let line = UnsafeRawBufferPointer(rebasing: reply.buffer[offset...].prefix { $0 != 13 })
        let sizeBytes = line.count + 2
        switch line.first {
        case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: "_"): return sizeBytes
        case UInt8(ascii: "$"):
            if line.elementsEqual("$-1".utf8) { return sizeBytes }
            return line.elementsEqual("$0".utf8) ? sizeBytes + 2 : nil
        case UInt8(ascii: ":"):
            return line.elementsEqual(":0".utf8) || line.elementsEqual(":-1".utf8) ? sizeBytes : nil
        case UInt8(ascii: "+"): return line.elementsEqual("+none".utf8) ? sizeBytes : nil
        default: return nil
        }
    }
}
