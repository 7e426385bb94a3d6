// HTTPRequest: one request of HTTP/1.0 or 1.1, read from what has come so far.
// Sizes are limited, a body needs a Content-Length, and what two readers could read differently is refused.
// Not here: sockets and times (HTTPServer), what is answered (AdminDesk).

struct HTTPRequest: Sendable {
    enum Progress: Sendable {
        case incomplete
        /// The request takes so many bytes.
        case complete(HTTPRequest, sizeBytes: Int)
        /// No request that is taken here; answered with this, and the connection ends.
        case refused(HTTPStatus)
    }

    static let headBytesMax = 8_192
    static let bodyBytesMax = 4_096

    let method: String
    /// Without the query, decoded.
    let path: [String]
    /// Names and values, decoded; the first of a name counts.
    let query: [(name: String, value: [UInt8])]
    /// Names in lower case.
    let headers: [(name: String, value: String)]
    let keepsAlive: Bool

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }

    func query(_ name: String) -> [UInt8]? { query.first { $0.name == name }?.value }

    func queryText(_ name: String) -> String? { query(name).map { String(decoding: $0, as: UTF8.self) } }

    // MARK: Reading

    static func read(_ bytes: [UInt8]) -> Progress {
        guard let headEnd = endOfHead(bytes) else {
            return bytes.count > headBytesMax ? .refused(.headTooLarge) : .incomplete
        }
        guard headEnd <= headBytesMax else { return .refused(.headTooLarge) }
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self)
        let lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
        guard let first = lines.first else { return .refused(.badRequest) }
        let words = first.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0", words[1].hasPrefix("/") else {
            return .refused(.badRequest)
        }
        guard let headers = headers(lines.dropFirst()) else { return .refused(.badRequest) }
        let lengths = headers.filter { $0.name == "content-length" }
        guard !headers.contains(where: { $0.name == "transfer-encoding" }), lengths.count <= 1,
            headers.count(where: { $0.name == "host" }) <= 1,
            let bodyBytes = lengths.isEmpty ? 0 : Int(lengths[0].value), bodyBytes >= 0
        else { return .refused(.badRequest) }
        guard bodyBytes <= bodyBytesMax else { return .refused(.bodyTooLarge) }
        guard bytes.count >= headEnd + bodyBytes else { return .incomplete }
        let connection = headers.first { $0.name == "connection" }?.value.lowercased()
        let keepsAlive = words[2] == "HTTP/1.1" ? connection != "close" : connection == "keep-alive"
        guard
            let request = make(
                method: String(words[0]), target: words[1], headers: headers, keepsAlive: keepsAlive)
        else { return .refused(.badRequest) }
        return .complete(request, sizeBytes: headEnd + bodyBytes)
    }

    /// Behind the empty line.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 0...(min(bytes.count, headBytesMax + 4) - 4)
        where bytes[index] == 13 && bytes[index + 1] == 10 && bytes[index + 2] == 13 && bytes[index + 3] == 10 {
            return index + 4
        }
        return nil
    }

    /// Nil: one has no name, or spaces where two readers would see two things.
    private static func headers(_ lines: some Sequence<Substring>) -> [(name: String, value: String)]? {
        var headers: [(name: String, value: String)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else { return nil }
            let name = line[..<colon]
            guard name.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
            let value = line[line.index(after: colon)...]
            headers.append((name.lowercased(), String(trimmed(value))))
        }
        return headers
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text.drop { $0 == " " || $0 == "\t" }
    }

    private static func make(
        method: String, target: Substring, headers: [(name: String, value: String)], keepsAlive: Bool
    ) -> HTTPRequest? {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: [String] = []
        for part in parts[0].split(separator: "/", omittingEmptySubsequences: true) {
            guard let bytes = decoded(part, plusIsSpace: false), let text = String(validating: bytes, as: UTF8.self)
            else { return nil }
            path.append(text)
        }
        var query: [(name: String, value: [UInt8])] = []
        if parts.count > 1 {
            for pair in parts[1].split(separator: "&") {
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = decoded(sides[0], plusIsSpace: true),
                    let value = decoded(sides.count > 1 ? sides[1] : "", plusIsSpace: true)
                else { return nil }
                query.append((String(decoding: name, as: UTF8.self), value))
            }
        }
        return HTTPRequest(method: method, path: path, query: query, headers: headers, keepsAlive: keepsAlive)
    }

    /// `%41` is A. Nil: a percent sign without two digits behind it.
    private static func decoded(_ text: Substring, plusIsSpace: Bool) -> [UInt8]? {
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "%"):
                guard index + 2 < bytes.count, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2])
                else { return nil }
                decoded.append(high << 4 | low)
                index += 3
            case UInt8(ascii: "+") where plusIsSpace:
                decoded.append(32)
                index += 1
            default:
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
