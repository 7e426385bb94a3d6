// RESPValue: one reply as a test sees it, every type of RESP2 and RESP3.
// Literals read as bulk strings and integers, so that a test can say `== "v"` and `== 1`.
// Not here: how replies are read from a socket (RESPConnection).

package indirect enum RESPValue: Equatable, Sendable {
    case simple(String)
    case error(String)
    case integer(Int)
    case bulk([UInt8])
    /// `$-1` in RESP2, `_` in RESP3.
    case null
    /// `*-1`, which only RESP2 has.
    case nullArray
    case array([RESPValue])
    case double(String)
    case boolean(Bool)
    case bigNumber(String)
    case blobError([UInt8])
    /// The three-letter format and the text.
    case verbatim(String, [UInt8])
    /// Keys and values in turn, as they came.
    case map([RESPValue])
    case set([RESPValue])
    case push([RESPValue])
}

extension RESPValue {
    package static let ok = RESPValue.simple("OK")

    package static func text(_ text: String) -> RESPValue { .bulk(Array(text.utf8)) }

    /// The text of any value that has one; nil for containers and nulls.
    package var text: String? {
        switch self {
        case .simple(let text), .error(let text), .double(let text), .bigNumber(let text): text
        case .bulk(let bytes), .blobError(let bytes), .verbatim(_, let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let number): String(number)
        case .boolean(let flag): String(flag)
        case .null, .nullArray, .array, .map, .set, .push: nil
        }
    }

    package var bytes: [UInt8]? {
        if case .bulk(let bytes) = self { return bytes }
        return nil
    }

    package var integer: Int? {
        if case .integer(let number) = self { return number }
        return nil
    }

    /// The text of an error; nil for everything that is not one.
    package var errorText: String? {
        switch self {
        case .error(let text): text
        case .blobError(let bytes): String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    package var isError: Bool { errorText != nil }

    /// Elements of any container; empty for everything else.
    package var elements: [RESPValue] {
        switch self {
        case .array(let elements), .map(let elements), .set(let elements), .push(let elements): elements
        default: []
        }
    }

    /// The texts of the elements, nulls left out, sorted: for replies whose order means nothing.
    package var sortedTexts: [String] { elements.compactMap(\.text).sorted() }
}

extension RESPValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(arrayLiteral elements: RESPValue...) { self = .array(elements) }
}

extension RESPValue: CustomStringConvertible {
    /// As redis-cli would say it, long values cut after 120 bytes.
    package var description: String {
        switch self {
        case .simple(let text): text
        case .error(let text): "(error) \(text)"
        case .integer(let number): "(integer) \(number)"
        case .bulk(let bytes), .blobError(let bytes), .verbatim(_, let bytes):
            if bytes.count <= 120 {
                "\"\(String(decoding: bytes, as: UTF8.self))\""
            } else {
                "\"\(String(decoding: bytes.prefix(120), as: UTF8.self))...\" (\(bytes.count) bytes)"
            }
        case .null: "(nil)"
        case .nullArray: "(nil array)"
        case .double(let text): "(double) \(text)"
        case .boolean(let flag): "(\(flag))"
        case .bigNumber(let text): "(big number) \(text)"
        case .array(let elements): "[" + elements.map(\.description).joined(separator: ", ") + "]"
        case .map(let elements): "map[" + elements.map(\.description).joined(separator: ", ") + "]"
        case .set(let elements): "set[" + elements.map(\.description).joined(separator: ", ") + "]"
        case .push(let elements): "push[" + elements.map(\.description).joined(separator: ", ") + "]"
        }
    }
}
