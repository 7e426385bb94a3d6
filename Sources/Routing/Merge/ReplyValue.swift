// ReplyValue: one reply of a server as a tree, every type of RESP2 and RESP3.
// Cold path only: it allocates for every element. What a peer claims is never believed: an aggregate of n elements is
// refused when fewer bytes are left than n values take, and nesting ends at `depthMax`. Attributes are skipped.
// Not here: where a reply ends in a stream (ReplyScanner), replies that pass through unread.

package import Wire

package enum ReplyValue: Equatable, Sendable {
    /// Without `+` and CR LF.
    case simple([UInt8])
    /// Without `-`, code first; RESP3's bulk errors too.
    case error([UInt8])
    case integer(Int)
    /// Nil: `$-1`.
    case bulk([UInt8]?)
    /// Nil: `*-1`.
    case array([ReplyValue]?)
    /// In the server's order; keys may repeat.
    case map([ReplyPair])
    case set([ReplyValue])
    case push([ReplyValue])
    case double(Double)
    case boolean(Bool)
    /// Digits, perhaps with a minus before them.
    case bigNumber([UInt8])
    /// The three letters of the format, and the text.
    case verbatim(format: [UInt8], text: [UInt8])
    /// RESP3's null.
    case null

    /// Deeper nesting is malformed; no server's own reply passes 8.
    package static let depthMax = 64

    package static let ok = ReplyValue.simple(Array("OK".utf8))

    /// A bulk string.
    package static func text(_ text: String) -> ReplyValue { .bulk(Array(text.utf8)) }

    package static func failure(_ text: String) -> ReplyValue { .error(Array(text.utf8)) }
}

/// One entry of a map.
package struct ReplyPair: Equatable, Sendable {
    package var key: ReplyValue
    package var value: ReplyValue

    package init(_ key: ReplyValue, _ value: ReplyValue) {
        self.key = key
        self.value = value
    }
}

// MARK: What is in it

extension ReplyValue {
    /// The bytes of whatever has some: bulk and simple strings, verbatim texts, errors.
    package var bytes: [UInt8]? {
        switch self {
        case .simple(let bytes), .error(let bytes), .bulk(.some(let bytes)), .verbatim(_, let bytes),
            .bigNumber(let bytes):
            bytes
        case .integer, .bulk(nil), .array, .map, .set, .push, .double, .boolean, .null: nil
        }
    }

    package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    package var integer: Int? {
        if case .integer(let value) = self { return value }
        return nil
    }

    /// RESP3 has a type for it, RESP2 a bulk string; a whole number is one as well.
    package var double: Double? {
        switch self {
        case .double(let value): value
        case .integer(let value): Double(value)
        case .bulk(.some(let text)): DoubleText.value(of: text)
        default: nil
        }
    }

    package var errorText: String? {
        if case .error(let text) = self { return String(decoding: text, as: UTF8.self) }
        return nil
    }

    package var isNull: Bool { self == .null || self == .bulk(nil) || self == .array(nil) }

    /// Elements of an array, set or push; nil for everything else, null arrays too.
    package var elements: [ReplyValue]? {
        switch self {
        case .array(.some(let elements)), .set(let elements), .push(let elements): elements
        default: nil
        }
    }

    /// Entries of a map, or of the flat array that RESP2 has in its place; nil for everything else.
    package var pairs: [ReplyPair]? {
        switch self {
        case .map(let pairs): return pairs
        case .array(.some(let flat)) where flat.count.isMultiple(of: 2):
            return stride(from: 0, to: flat.count, by: 2).map { ReplyPair(flat[$0], flat[$0 + 1]) }
        default: return nil
        }
    }

    /// About what it takes on the wire: contents, and 5 bytes around each value.
    package var sizeBytes: Int {
        switch self {
        case .simple(let bytes), .error(let bytes), .bigNumber(let bytes), .verbatim(_, let bytes),
            .bulk(.some(let bytes)):
            bytes.count + 5
        case .array(.some(let elements)), .set(let elements), .push(let elements):
            elements.reduce(5) { $0 + $1.sizeBytes }
        case .map(let pairs): pairs.reduce(5) { $0 + $1.key.sizeBytes + $1.value.sizeBytes }
        case .integer, .double, .boolean, .null, .bulk(nil), .array(nil): 5
        }
    }
}

// MARK: Bytes to value

extension ReplyValue {
    /// Nil: not exactly one well-formed reply.
    package init?(parsing bytes: UnsafeRawBufferPointer) {
        var reader = ReplyReader(bytes)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }

    package init?(parsing bytes: [UInt8]) {
        guard let value = bytes.withUnsafeBytes({ ReplyValue(parsing: $0) }) else { return nil }
        self = value
    }
}

/// Reads one value after the other; nil means malformed or cut off.
private struct ReplyReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    mutating func value(depth: Int) -> ReplyValue? {
        guard depth <= ReplyValue.depthMax, offset < bytes.count else { return nil }
        let type = bytes[offset]
        offset += 1
        switch UnicodeScalar(type) {
        case "+": return line().map { .simple($0) }
        case "-": return line().map { .error($0) }
        case ":": return line().flatMap { Int(String(decoding: $0, as: UTF8.self)) }.map { .integer($0) }
        case "_": return line().flatMap { $0.isEmpty ? .null : nil }
        case "#": return boolean()
        case ",": return double()
        case "(": return line().map { .bigNumber($0) }
        case "$": return bulk()
        case "!": return body().map { .error($0) }
        case "=": return verbatim()
        case "*": return array(depth: depth)
        case "~": return elements(depth: depth).map { .set($0) }
        case ">": return elements(depth: depth).map { .push($0) }
        case "%": return pairs(depth: depth).map { .map($0) }
        case "|": return pairs(depth: depth).flatMap { _ in value(depth: depth + 1) }
        default: return nil
        }
    }

    private mutating func line() -> [UInt8]? {
        guard let end = bytes[offset...].firstIndex(of: 10), end > offset, bytes[end - 1] == 13 else { return nil }
        defer { offset = end + 1 }
        return Array(bytes[offset..<(end - 1)])
    }

    /// The number behind a type byte, -1 or more.
    private mutating func length() -> Int? {
        guard offset < bytes.count else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        let start = rest.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
        guard case .length(let value, let sizeBytes) = scanLength(start, count: rest.count) else { return nil }
        offset += sizeBytes
        return value
    }

    /// `count` bytes with CR LF behind them.
    private mutating func take(_ count: Int) -> [UInt8]? {
        guard count >= 0, bytes.count - offset >= count + 2, bytes[offset + count] == 13,
            bytes[offset + count + 1] == 10
        else { return nil }
        defer { offset += count + 2 }
        return Array(bytes[offset..<(offset + count)])
    }

    private mutating func body() -> [UInt8]? { length().flatMap { take($0) } }

    private mutating func bulk() -> ReplyValue? {
        guard let count = length() else { return nil }
        return count < 0 ? .bulk(nil) : take(count).map { .bulk($0) }
    }

    private mutating func verbatim() -> ReplyValue? {
        guard let text = body(), text.count >= 4, text[3] == UInt8(ascii: ":") else { return nil }
        return .verbatim(format: Array(text[..<3]), text: Array(text[4...]))
    }

    private mutating func boolean() -> ReplyValue? {
        switch line() {
        case [UInt8(ascii: "t")]: .boolean(true)
        case [UInt8(ascii: "f")]: .boolean(false)
        default: nil
        }
    }

    private mutating func double() -> ReplyValue? {
        guard let text = line() else { return nil }
        let lower = String(decoding: text, as: UTF8.self).lowercased()
        if lower == "nan" || lower == "-nan" { return .double(.nan) }
        return DoubleText.value(of: text).map { .double($0) }
    }

    private mutating func array(depth: Int) -> ReplyValue? {
        let start = offset
        guard let count = length() else { return nil }
        if count < 0 { return .array(nil) }
        offset = start
        return elements(depth: depth).map { .array($0) }
    }

    private mutating func elements(depth: Int) -> [ReplyValue]? {
        guard let count = length(), count >= 0 else { return nil }
        return values(count, depth: depth)
    }

    private mutating func pairs(depth: Int) -> [ReplyPair]? {
        guard let count = length(), count >= 0, let flat = values(2 * count, depth: depth) else { return nil }
        return stride(from: 0, to: flat.count, by: 2).map { ReplyPair(flat[$0], flat[$0 + 1]) }
    }

    private mutating func values(_ count: Int, depth: Int) -> [ReplyValue]? {
        let valueSizeBytesMin = 3  // "_" CR LF
        guard count <= (bytes.count - offset) / valueSizeBytesMin else { return nil }
        var values: [ReplyValue] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            guard let value = value(depth: depth + 1) else { return nil }
            values.append(value)
        }
        return values
    }
}

// MARK: Value to bytes

extension ReplyValue {
    /// As a server writes it. In RESP2 a map is a flat array, a set an array, a double or big number a bulk string, a
    /// boolean 1 or 0, RESP3's null `$-1`.
    package func encode(version: RESPVersion) -> [UInt8] {
        var reply = ReplyBuilder(version: version)
        write(into: &reply)
        return reply.bytes
    }

    package func write(into reply: inout ReplyBuilder) {
        switch self {
        case .simple(let text): reply.simple(text)
        case .error(let text): reply.error(text)
        case .integer(let value): reply.integer(value)
        case .bulk(let content?): reply.bulk(content)
        case .bulk(nil), .null: reply.null()
        case .array(nil): reply.nullArray()
        case .array(let elements?):
            reply.array(elements.count)
            for element in elements { element.write(into: &reply) }
        case .set(let elements):
            reply.set(elements.count)
            for element in elements { element.write(into: &reply) }
        case .push(let elements):
            reply.push(elements.count)
            for element in elements { element.write(into: &reply) }
        case .map(let pairs):
            reply.map(pairs.count)
            for pair in pairs {
                pair.key.write(into: &reply)
                pair.value.write(into: &reply)
            }
        case .double(let value): reply.double(value)
        case .boolean(let value): reply.boolean(value)
        case .bigNumber(let digits): reply.bigNumber(digits)
        case .verbatim(let format, let text): reply.verbatim(text, format: format)
        }
    }
}
