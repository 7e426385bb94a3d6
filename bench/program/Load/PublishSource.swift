// PublishSource: PUBLISH to one channel after the other, each message with the moment it counts from, and how a message
// is read again when it is delivered.
//
//   payload:  16 hexadecimal digits of nanoseconds, then filler up to the payload's size
//
// Not here: the subscribers (LoadThread+Deliveries).

import Wire

struct PublishSource: ~Copyable, RequestSource {
    static let payloadBytesMin = 16
    static let operationNames = ["publish", "deliver"]
    static let deliveryKind = 1

    private let channels: [[UInt8]]
    private let payload: UnsafeMutablePointer<UInt8>
    private let payloadBytes: Int
    private var nextChannel: Int

    init(_ options: LoadOptions.PubSub, threadIndex: Int) {
        precondition(options.payloadBytes >= Self.payloadBytesMin && options.channelCount > 0)
        let payloadBytes = options.payloadBytes
        self.payloadBytes = payloadBytes
        payload = .allocate(capacity: payloadBytes)
        payload.initialize(repeating: UInt8(ascii: "x"), count: payloadBytes)
        channels = (0..<options.channelCount).map { Self.head(channel: Self.channel($0), payloadBytes) }
        nextChannel = threadIndex % options.channelCount
    }

    deinit { payload.deallocate() }

    static func channel(_ index: Int) -> String { "keyway-bench:\(index)" }

    private static func head(channel: String, _ payloadBytes: Int) -> [UInt8] {
        Array("*3\r\n$7\r\nPUBLISH\r\n$\(channel.utf8.count)\r\n\(channel)\r\n$\(payloadBytes)\r\n".utf8)
    }

    // MARK: Publishing

    var needsWholeReplies: Bool { false }
    var lastComplaint: String { "" }
    var nextDueNs: UInt64? { nil }

    mutating func begin(atNs timeNs: UInt64) {
        for place in 0..<Self.payloadBytesMin {
            let digit = UInt8(truncatingIfNeeded: timeNs >> UInt64(60 - 4 * place)) & 15
            payload[place] = digit < 10 ? 48 + digit : 87 + digit
        }
    }

    mutating func next(_ out: inout ByteBuffer, connectionIndex: Int) -> Operation? {
        let channel = nextChannel
        nextChannel = channel + 1 == channels.count ? 0 : channel + 1
        channels[channel].withUnsafeBufferPointer { out.append($0.baseAddress!, count: $0.count) }
        out.append(payload, count: payloadBytes)
        out.append(13)
        out.append(10)
        return Operation(kind: 0, repliesLeft: 1, note: UInt64(channel))
    }

    mutating func nextFill(_ out: inout ByteBuffer) -> Operation? { nil }

    mutating func judge(_ operation: inout Operation, reply: UnsafePointer<UInt8>, count: Int) -> Judgement {
        operation.repliesLeft &-= 1
        return ReplyText.isError(reply) ? .error : .good
    }

    mutating func abandon(_ operation: Operation) {}

    // MARK: Being delivered

    /// The moment in a message `[message, channel, payload]`, an array or a push; nil for anything else.
    static func publishNs(of message: UnsafePointer<UInt8>, count: Int) -> UInt64? {
        guard count > 4, message[0] == UInt8(ascii: "*") || message[0] == UInt8(ascii: ">"),
            message[1] == UInt8(ascii: "3")
        else { return nil }
        var offset = 4
        var body = message
        var bodyBytes = 0
        for part in 0..<3 {
            guard offset < count, message[offset] == UInt8(ascii: "$"),
                case .length(let length, let headerBytes) = scanLength(message + offset + 1, count: count - offset - 1),
                length >= 0, offset + 1 + headerBytes + length + 2 <= count
            else { return nil }
            body = message + offset + 1 + headerBytes
            bodyBytes = length
            offset += 1 + headerBytes + length + 2
            // `subscribe` and `unsubscribe` have other lengths.
            if part == 0, bodyBytes != 7 { return nil }
        }
        return bodyBytes >= payloadBytesMin ? number(body) : nil
    }

    private static func number(_ digits: UnsafePointer<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for place in 0..<payloadBytesMin {
            switch digits[place] {
            case 48...57: number = number << 4 | UInt64(digits[place] - 48)
            case 97...102: number = number << 4 | UInt64(digits[place] - 87)
            default: return nil
            }
        }
        return number
    }
}
