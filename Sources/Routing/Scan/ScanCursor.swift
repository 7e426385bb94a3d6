// ScanCursor: one 64-bit number that says how far SCAN has come through all shards.
//
//     63        57 56           50 49      40 39                                    0
//     | ring's tag | process's tag |  shard  |  cursor of that shard's own SCAN       |
//
// Printed as an unsigned decimal, as clients expect one. "0" starts and "0" ends; a ring's tag is never 0, so nothing
// in between prints as "0". Shards are visited one after the other. What was learned from another process (a shard
// restarted, its cursors mean other buckets now) is dropped: that shard begins anew. What was learned under another
// ring is dropped: all begins anew. So every key that is there throughout is returned at least once, some twice. A tag
// is 7 bits: one restart in 127 goes unnoticed, and then keys of that shard can be missed.
// Pure: a tag is a function of what the caller knows of ring and process, so cursors outlive Keyway itself.
// Not here: asking the shards, SCAN's options, which are theirs.

package import Wire

package struct ScanCursor: Equatable, Sendable {
    /// What the shard answered last; 0: begin with it.
    private(set) var inner: UInt64
    /// The shard whose turn it is.
    package private(set) var shardIndex: Int
    private(set) var processTag: UInt8
    private(set) var ringTag: UInt8

    package static let innerMax: UInt64 = 1 << 40 - 1
    package static let shardCountMax = 1 << 10

    package static let invalidText = "ERR invalid cursor"

    /// 1...127, from a hash of whatever names the ring (its shards in their order) or the process (its run id).
    package static func tag(ofHash hash: UInt64) -> UInt8 { UInt8(hash % 127) + 1 }

    /// Where the client's cursor goes on.
    ///
    /// - Parameter text: the argument; any bytes.
    /// - Parameter ringTag: of the ring in use, 1...127.
    /// - Parameter shardCount: 1...`shardCountMax`.
    /// - Returns: nil for what is no cursor at all (`invalidText`); the start where the cursor is of another ring.
    package init?(_ text: [UInt8], ringTag: UInt8, shardCount: Int) {
        precondition((1...127).contains(ringTag) && (1...Self.shardCountMax).contains(shardCount))
        guard let number = Self.number(text) else { return nil }
        let tag = UInt8(number >> 57)
        let shard = Int(number >> 40) & (Self.shardCountMax - 1)
        let isOurs = tag == ringTag && shard < shardCount
        self.ringTag = ringTag
        inner = isOurs ? number & Self.innerMax : 0
        shardIndex = isOurs ? shard : 0
        processTag = isOurs ? UInt8(number >> 50 & 127) : 0
    }

    /// As Valkey reads one, with C's own function: up to a NUL, with blanks and a sign before the digits. A negative
    /// number in its one form is refused; in any other it wraps around.
    private static func number(_ bytes: [UInt8]) -> UInt64? {
        let text = bytes.prefix { $0 != 0 }
        if let number = ArgumentText.integer(Array(text)), number < 0 { return nil }
        var digits = text.drop { $0 == UInt8(ascii: " ") || (9...13).contains($0) }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ $0 &- 48 <= 9 }) else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self)).map { isNegative ? 0 &- $0 : $0 }
    }

    /// For the client. Never "0": the end is `Step.end`.
    package var text: String {
        String(UInt64(ringTag) << 57 | UInt64(processTag) << 50 | UInt64(shardIndex) << 40 | inner)
    }

    /// The cursor to send to the shard.
    ///
    /// - Parameter processTag: of the process that the request will go to, 1...127.
    package func cursor(forProcess processTag: UInt8) -> UInt64 { processTag == self.processTag ? inner : 0 }

    package enum Step: Equatable, Sendable {
        case more(ScanCursor)
        /// All shards are through: the client gets "0".
        case end
        /// The shard's cursor does not fit; `tooLargeText` says so to the client.
        case tooLarge
    }

    /// What the client gets for the shard's answer.
    ///
    /// - Parameters:
    ///   - answer: the cursor that the shard gave.
    ///   - asked: the cursor that it was given, of `cursor(forProcess:)`.
    ///   - processTag: of the process that answered; when it is another than the one that `asked` was made for, the
    ///     answer counts for nothing beyond the keys in it.
    package func advanced(answer: UInt64, asked: UInt64, processTag: UInt8, shardCount: Int) -> Step {
        precondition((1...127).contains(processTag) && shardIndex < shardCount)
        var next = self
        let isSameIteration = asked == 0 || (asked == inner && processTag == self.processTag)
        if !isSameIteration {
            next.inner = 0
            next.processTag = 0
            return .more(next)
        }
        guard answer <= Self.innerMax else { return .tooLarge }
        next.inner = answer
        next.processTag = processTag
        guard answer == 0 else { return .more(next) }
        guard shardIndex + 1 < shardCount else { return .end }
        next.shardIndex += 1
        next.processTag = 0
        return .more(next)
    }

    package static func tooLargeText(shard: String, answer: UInt64) -> String {
        "ERR shard \(shard) answered SCAN with the cursor \(answer); the limit is \(innerMax), more does not fit into "
            + "a cursor over all shards. Scan this shard by itself: KEYWAY ON \(shard) SCAN 0"
    }
}

// MARK: Requests and replies

extension ScanCursor {
    /// The client's SCAN with the shard's own cursor in place of the client's.
    package static func request(_ arguments: [[UInt8]], cursor: UInt64) -> [[UInt8]] {
        precondition(arguments.count >= 2)
        var rewritten = arguments
        rewritten[1] = Array(String(cursor).utf8)
        return rewritten
    }

    /// The cursor in a shard's reply, and where the keys' array begins; nil when it is no reply to SCAN.
    package static func answer(in reply: ByteView) -> (cursor: UInt64, keysOffset: Int)? {
        guard let header = ReplyMerge.arrayHeader(reply), header.count == 2, reply.count > header.sizeBytes,
            reply[header.sizeBytes] == UInt8(ascii: "$"),
            let sizeBytes = ReplyMerge.elementSizeBytes(reply, at: header.sizeBytes),
            let element = ReplyValue(
                parsing: UnsafeRawBufferPointer(
                    rebasing: reply.buffer[header.sizeBytes..<(header.sizeBytes + sizeBytes)])),
            let text = element.bytes, let cursor = number(text)
        else { return nil }
        return (cursor, header.sizeBytes + sizeBytes)
    }

    /// What stands before the keys' array in the client's reply.
    package static func replyHead(_ step: Step) -> [UInt8]? {
        let text: String
        switch step {
        case .more(let cursor): text = cursor.text
        case .end: text = "0"
        case .tooLarge: return nil
        }
        return Array("*2\r\n$\(text.utf8.count)\r\n\(text)\r\n".utf8)
    }
}
