// ReservedKeys: the names under which Keyway keeps copies of hot keys on servers, and how they are kept from clients.
//
//     __keyway:5f0c9a3be1d27a44:1.17:user:1          prefix, process, worker, number of the copies, the key itself
//
// Rule: a name is used once. Who finds it has the value of that number, or nothing.
// Not here: who makes such copies (Session/HotKeys/Engine+Generations).

package import Wire

package enum ReservedKeys {
    package static let prefix = Array("__keyway:".utf8)

    @inline(__always)
    package static func contains(_ name: ByteView) -> Bool {
        name.count >= prefix.count && name[0] == prefix[0] && name.buffer.starts(with: prefix)
    }

    package static func name(of key: ByteView, process: UInt64, workerIndex: Int, number: UInt64) -> [UInt8] {
        let hex = String(process, radix: 16)
        let process = String(repeating: "0", count: 16 - hex.count) + hex
        return prefix + Array("\(process):\(workerIndex).\(number):".utf8) + key.buffer
    }

    /// An array of keys without the reserved ones.
    ///
    /// - Parameter reply: of KEYS, or the second half of a reply to SCAN.
    /// - Returns: the array anew; nil when it is none of bulk strings.
    package static func hidden(in reply: ByteView) -> [UInt8]? {
        guard let header = ReplyMerge.arrayHeader(reply) else { return nil }
        var kept: [UInt8] = []
        kept.reserveCapacity(reply.count)
        var (count, offset) = (0, header.sizeBytes)
        for _ in 0..<header.count {
            guard let sizeBytes = ReplyMerge.elementSizeBytes(reply, at: offset), reply[offset] == UInt8(ascii: "$")
            else { return nil }
            let element = reply.buffer[offset..<(offset + sizeBytes)]
            let text = element.drop { $0 != 10 }.dropFirst()
            if !text.starts(with: prefix) {
                kept += element
                count += 1
            }
            offset += sizeBytes
        }
        return Array("*\(count)\r\n".utf8) + kept
    }
}
