// RESPConnection: a blocking client over loopback or a unix socket, with a timeout on everything.
// It can send any bytes in any pieces, and it reads one reply at a time; it trusts nothing that it reads.
// Not here: reconnecting, retries, anything that would hide what the other side did.

import Glibc

package struct ConnectionFailure: Error, CustomStringConvertible {
    package enum Cause: Sendable { case refused, closed, timeout, malformed }
    package let cause: Cause
    package let description: String
}

package final class RESPConnection: @unchecked Sendable {
    package let endpoint: Endpoint
    /// How long one send or one wait for more bytes may take.
    package var timeoutSeconds: Double
    /// Kept alive as long as the connection: the process on the other side.
    package var owner: AnyObject?
    private var descriptor: Int32
    private let unread = UnreadBytes()

    package init(_ endpoint: Endpoint, timeoutSeconds: Double = 20, receiveBufferBytes: Int? = nil) throws {
        self.endpoint = endpoint
        self.timeoutSeconds = timeoutSeconds
        let family: Int32 =
            switch endpoint {
            case .tcp: AF_INET
            case .unix: AF_UNIX
            }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let opened = socket(family, type, 0)
        guard opened >= 0 else {
            throw ConnectionFailure(cause: .refused, description: "socket: \(String(cString: strerror(errno)))")
        }
        if var size = receiveBufferBytes.map(Int32.init) {
            setsockopt(opened, SOL_SOCKET, SO_RCVBUF, &size, 4)
        }
        guard Endpoint.withSocketAddress(endpoint, { connect(opened, $0, $1) }) == 0 else {
            let reason = String(cString: strerror(errno))
            Glibc.close(opened)
            throw ConnectionFailure(cause: .refused, description: "connect to \(endpoint): \(reason)")
        }
        var one: Int32 = 1
        if case .tcp = endpoint { setsockopt(opened, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4) }
        _ = fcntl(opened, F_SETFL, O_NONBLOCK)
        descriptor = opened
    }

    deinit { close() }

    package func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Says that nothing more will be sent; replies can still be read.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }
}

// MARK: Sending

extension RESPConnection {
    /// Sends all, in pieces of `pieceSize()` bytes each of which is one system call.
    package func send(_ bytes: [UInt8], pieceSize: () -> Int = { Int.max }) throws {
        try bytes.withUnsafeBytes { all in
            var sent = 0
            while sent < all.count {
                let end = sent + min(all.count - sent, max(1, pieceSize()))
                while sent < end {
                    let count = Glibc.send(descriptor, all.baseAddress! + sent, end - sent, Int32(MSG_NOSIGNAL))
                    if count > 0 {
                        sent += count
                    } else {
                        try waitAfter(count, for: Int16(POLLOUT), "send")
                    }
                }
            }
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends and receives at once, so that neither side can block the other however much there is.
    ///
    /// - Parameter receive: gets what came; says true when that was the end.
    package func exchange(
        _ bytes: [UInt8], pieceSize: () -> Int = { Int.max },
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        var sent = 0
        var pieceEnd = 0
        var finished = false
        if unread.count > 0 { finished = try receive(unread.take(unread.count)) }
        while !finished || sent < bytes.count {
            let wantsToSend = sent < bytes.count
            var watch = pollfd(fd: descriptor, events: Int16(POLLIN | (wantsToSend ? POLLOUT : 0)), revents: 0)
            guard poll(&watch, 1, Int32(timeoutSeconds * 1000)) > 0 else {
                throw ConnectionFailure(
                    cause: .timeout,
                    description: "nothing from \(endpoint) for \(timeoutSeconds) s, "
                        + "\(sent) of \(bytes.count) bytes sent")
            }
            if wantsToSend, watch.revents & Int16(POLLOUT) != 0 {
                if sent == pieceEnd { pieceEnd = sent + min(bytes.count - sent, max(1, pieceSize())) }
                let count = bytes.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress! + sent, pieceEnd - sent, Int32(MSG_NOSIGNAL))
                }
                if count > 0 {
                    sent += count
                } else if errno != EAGAIN && errno != EINTR {
                    throw closed("send")
                }
            }
            if watch.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
                let count = unread.fill { recv(descriptor, $0.baseAddress, $0.count, 0) }
                if count > 0 {
                    finished = try receive(unread.take(count))
                } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                    throw closed("receive")
                }
            }
        }
    }

    private func waitAfter(_ count: Int, for events: Int16, _ verb: String) throws {
        if count < 0 && errno == EINTR { return }
        guard count < 0 && errno == EAGAIN else { throw closed(verb) }
        var watch = pollfd(fd: descriptor, events: events, revents: 0)
        guard poll(&watch, 1, Int32(timeoutSeconds * 1000)) != 0 else {
            throw ConnectionFailure(
                cause: .timeout, description: "\(verb): \(endpoint) not ready for \(timeoutSeconds) s")
        }
    }

    private func closed(_ verb: String) -> ConnectionFailure {
        ConnectionFailure(cause: .closed, description: "\(verb): \(endpoint) closed the connection")
    }
}

// MARK: Reading

extension RESPConnection {
    /// Reads one reply.
    package func reply() throws -> RESPValue {
        let line = try readLine()
        guard let kind = line.first else { throw malformed("an empty line") }
        let rest = String(decoding: line.dropFirst(), as: UTF8.self)
        switch UnicodeScalar(kind) {
        case "+": return .simple(rest)
        case "-": return .error(rest)
        case ":": return .integer(try number(rest))
        case "$": return try length(rest).map { .bulk(try readBody($0)) } ?? .null
        case "*": return try length(rest).map { .array(try readElements($0)) } ?? .nullArray
        case "_": return .null
        case ",": return .double(rest)
        case "#": return .boolean(rest == "t")
        case "(": return .bigNumber(rest)
        case "!": return .blobError(try readBody(try number(rest)))
        case "=":
            let body = try readBody(try number(rest))
            return .verbatim(String(decoding: body.prefix(3), as: UTF8.self), Array(body.dropFirst(4)))
        case "%": return .map(try readElements(2 * number(rest)))
        case "~": return .set(try readElements(number(rest)))
        case ">": return .push(try readElements(number(rest)))
        default: throw malformed("a line that starts with byte \(kind): \(rest.prefix(80))")
        }
    }

    package func replies(_ count: Int) throws -> [RESPValue] { try (0..<count).map { _ in try reply() } }

    /// Sends one command and reads its reply.
    package func command(_ arguments: any RESPArgument...) throws -> RESPValue { try command(arguments) }

    package func command(_ arguments: [any RESPArgument]) throws -> RESPValue {
        try send(respCommand(arguments))
        return try reply()
    }

    /// Sends all commands in one piece and reads all replies.
    package func pipeline(_ commands: [[any RESPArgument]]) throws -> [RESPValue] {
        try send(commands.flatMap { respCommand($0) })
        return try replies(commands.count)
    }

    /// Reads a bulk reply of any size without holding it: every piece of its body goes to `inspect`.
    ///
    /// - Returns: its size in bytes.
    package func streamBulk(_ inspect: (UnsafeRawBufferPointer, _ offset: Int) throws -> Void) throws -> Int {
        let line = try readLine()
        let text = String(decoding: line, as: UTF8.self)
        guard text.hasPrefix("$"), let size = Int(text.dropFirst()), size >= 0 else {
            throw malformed("instead of a bulk reply: \(text.prefix(120))")
        }
        var offset = 0
        while offset < size {
            if unread.count == 0 { try receiveMore() }
            let count = min(size - offset, unread.count)
            try inspect(unread.take(count), offset)
            offset += count
        }
        guard try readBody(0).isEmpty else { throw malformed("a body without its end") }
        return size
    }

    /// True when the other side closes, with everything before that read and dropped.
    package func waitsForClose() throws -> Bool {
        do {
            while true {
                _ = unread.take(unread.count)
                try receiveMore()
            }
        } catch let failure as ConnectionFailure {
            return failure.cause == .closed
        }
    }

    /// Everything up to the close of the other side.
    package func readToClose() throws -> [UInt8] {
        do {
            while true { try receiveMore() }
        } catch let failure as ConnectionFailure where failure.cause == .closed {
            return bytesOf(unread.take(unread.count))
        }
    }

    /// Whether bytes or a close arrive within the time; used to show that nothing does.
    package func hasInput(withinSeconds: Double) -> Bool {
        if unread.count > 0 { return true }
        var watch = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&watch, 1, Int32(withinSeconds * 1000)) != 0
    }

    private func readLine() throws -> [UInt8] {
        var searched = 0
        while true {
            if let newline = unread.firstIndex(of: 10, from: searched) {
                let line = unread.take(newline + 1)
                guard newline > 0, line[newline - 1] == 13 else { throw malformed("LF without CR") }
                return bytesOf(UnsafeRawBufferPointer(rebasing: line[..<(newline - 1)]))
            }
            searched = unread.count
            try receiveMore()
        }
    }

    private func readBody(_ size: Int) throws -> [UInt8] {
        while unread.count < size + 2 { try receiveMore() }
        let body = unread.take(size + 2)
        guard body[size] == 13, body[size + 1] == 10 else { throw malformed("a body without CR LF after it") }
        return bytesOf(UnsafeRawBufferPointer(rebasing: body[..<size]))
    }

    private func readElements(_ count: Int) throws -> [RESPValue] { try (0..<count).map { _ in try reply() } }

    private func length(_ text: String) throws -> Int? {
        let length = try number(text)
        return length < 0 ? nil : length
    }

    private func number(_ text: String) throws -> Int {
        guard let number = Int(text) else { throw malformed("instead of a number: \(text.prefix(80))") }
        return number
    }

    private func receiveMore() throws {
        while true {
            let count = unread.fill { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count > 0 { return }
            try waitAfter(count, for: Int16(POLLIN), "receive")
        }
    }

    private func malformed(_ what: String) -> ConnectionFailure {
        ConnectionFailure(cause: .malformed, description: "\(endpoint) sent \(what)")
    }
}
