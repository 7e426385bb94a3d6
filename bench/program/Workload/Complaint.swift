// Complaint: what was wrong with the last reply that was judged bad, kept raw; it becomes text only when asked for.
// Not here: the judgement (OperationSource+Verify).

struct Complaint: ~Copyable {
    enum Reason {
        case none, notAcknowledged, notAValue, elementCount, notAStatus, notAnInteger, transactionFailed
        case otherKey, malformed, broken, wrongThread, neverWritten, stale, foreign, missing
    }
    private static let excerptBytesMax = 96

    private(set) var reason = Reason.none
    private var key = 0
    private var floor: UInt64 = 0
    private var label = VerifiedValue.Label(run: 0, thread: 0, sequence: 0)
    private let excerpt: UnsafeMutablePointer<UInt8>
    private var excerptBytes = 0
    private var replyBytes = 0

    init() { excerpt = .allocate(capacity: Self.excerptBytesMax) }
    deinit { excerpt.deallocate() }

    mutating func note(
        _ reason: Reason, _ reply: UnsafePointer<UInt8>, count: Int, key: Int = 0, floor: UInt64 = 0,
        label: VerifiedValue.Label = .init(run: 0, thread: 0, sequence: 0)
    ) {
        self.reason = reason
        self.key = key
        self.floor = floor
        self.label = label
        replyBytes = count
        excerptBytes = Swift.min(count, Self.excerptBytesMax)
        excerpt.update(from: reply, count: excerptBytes)
    }

    func text(keyPrefix: String, keyDigits: Int, run: UInt32) -> String {
        let digits = String(key)
        let name = keyPrefix + String(repeating: "0", count: Swift.max(0, keyDigits - digits.count)) + digits
        switch reason {
        case .none: return ""
        case .notAcknowledged: return "a write: expected +OK, got \(got)"
        case .elementCount: return "expected an array of as many values as keys, got \(got)"
        case .notAStatus: return "expected a status, got \(got)"
        case .notAnInteger: return "expected a whole number, got \(got)"
        case .transactionFailed: return "EXEC did not execute the transaction whole: \(got)"
        case .notAValue: return "\(name): expected its value, got \(got)"
        case .otherKey:
            return "\(name): got another key's value, or none that keyway-bench --verify wrote (remove what earlier "
                + "runs left, or use --fill): \(got)"
        case .malformed: return "\(name): the value's header is damaged: \(got)"
        case .broken: return "\(name): the value's bytes are not those of \(described): \(got)"
        case .wrongThread: return "\(name): the value claims a thread that never writes this key, \(described): \(got)"
        case .neverWritten: return "\(name): got \(described), which was never written: \(got)"
        case .stale:
            return "\(name): expected sequence \(floor) or later, which was acknowledged before; got \(described)"
        case .foreign:
            return "\(name): expected sequence \(floor) or later of this run (\(hex(run))), which was acknowledged "
                + "before; got another run's value, \(described)"
        case .missing:
            return "\(name): expected sequence \(floor) or later, which was acknowledged before; got nil (does the "
                + "server evict keys?)"
        }
    }

    private var described: String { "run \(hex(label.run)) thread \(label.thread) sequence \(label.sequence)" }

    private func hex(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// The reply's first bytes, quoted.
    private var got: String {
        var text = "\""
        for byte in UnsafeBufferPointer(start: excerpt, count: excerptBytes) {
            switch byte {
            case 13: text += "\\r"
            case 10: text += "\\n"
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\\(Character(Unicode.Scalar(byte)))"
            case 32..<127: text.append(Character(Unicode.Scalar(byte)))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text + (replyBytes > excerptBytes ? "\"... (\(replyBytes) bytes)" : "\"")
    }
}
