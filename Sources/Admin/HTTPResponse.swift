// HTTPResponse: one answer, as bytes. Every answer forbids being kept, framed, guessed at, or used by another page;
// none carries a header that would let another origin read it.
// Not here: which answer (AdminDesk).

enum HTTPStatus: Int, Sendable {
    case ok = 200
    case badRequest = 400
    case unauthorized = 401
    case forbidden = 403
    case notFound = 404
    case methodNotAllowed = 405
    case conflict = 409
    case bodyTooLarge = 413
    case misdirected = 421
    case headTooLarge = 431
    case unavailable = 503

    var text: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .unauthorized: "Unauthorized"
        case .forbidden: "Forbidden"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .conflict: "Conflict"
        case .bodyTooLarge: "Content Too Large"
        case .misdirected: "Misdirected Request"
        case .headTooLarge: "Request Header Fields Too Large"
        case .unavailable: "Service Unavailable"
        }
    }
}

struct HTTPResponse: Sendable {
    enum Body: Sendable {
        case whole([UInt8])
        /// What is told as it happens, beginning with this; the connection stays.
        case stream(first: [UInt8])
    }

    var status: HTTPStatus
    var type: String
    var body: Body
    var headers: [(name: String, value: String)] = []

    init(_ status: HTTPStatus, type: String, _ body: [UInt8]) {
        self.status = status
        self.type = type
        self.body = .whole(body)
    }

    /// Text for people, with a line feed.
    init(_ status: HTTPStatus, _ text: String) {
        self.init(status, type: "text/plain; charset=utf-8", Array((text + "\n").utf8))
    }

    init(streamBeginningWith first: [UInt8]) {
        status = .ok
        type = "text/event-stream"
        body = .stream(first: first)
    }

    var isStream: Bool { if case .stream = body { true } else { false } }

    private static let always = """
        Cache-Control: no-store\r
        X-Content-Type-Options: nosniff\r
        X-Frame-Options: DENY\r
        Referrer-Policy: no-referrer\r
        Cross-Origin-Resource-Policy: same-origin\r
        Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r

        """

    /// - Parameter isHead: only how long the body would be is told.
    func bytes(keepsAlive: Bool, isHead: Bool = false) -> [UInt8] {
        var head = "HTTP/1.1 \(status.rawValue) \(status.text)\r\nContent-Type: \(type)\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        head += Self.always
        switch body {
        case .whole(let bytes):
            head += "Content-Length: \(bytes.count)\r\nConnection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
            return Array(head.utf8) + (isHead ? [] : bytes)
        case .stream(let first):
            head += "Connection: close\r\n\r\n"
            return Array(head.utf8) + (isHead ? [] : first)
        }
    }
}
