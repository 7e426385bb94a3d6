// PlayedServer: a server that the test plays. It can wait until it is told to answer, so that the test knows what
// Keyway has to do in one tick: counts that depend on timing elsewhere are exact here.
// Greetings and INFO are answered at once.
// Not here: when it is told (Stage).

import Glibc
import TestKit

final class PlayedServer {
    let endpoint = Endpoint.freeTCP()
    private let listener: Int32
    private(set) var connections: [Connection] = []
    /// Keys in requests that wait for their answers.
    private(set) var waitingKeyCount = 0
    private let value: [UInt8]
    /// Whether requests are answered as they come.
    var answersAtOnce = false

    final class Connection {
        let socket: PlayedSocket
        var stream = RequestStream()
        var waiting: [PlayedRequest] = []

        init(_ socket: PlayedSocket) { self.socket = socket }
    }

    /// - Parameter value: what every key holds.
    init(value: [UInt8]) throws {
        self.value = respBulk(value)
        listener = try listenOnLoopback(endpoint)
    }

    deinit { close(listener) }

    /// The listener first, then the connections, as `handle` counts them.
    var watched: [pollfd] {
        [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            + connections.map {
                pollfd(
                    fd: $0.socket.descriptor, events: Int16(POLLIN | ($0.socket.wantsToSend ? POLLOUT : 0)), revents: 0)
            }
    }

    /// Something happened at the descriptor with this place in `watched`.
    func handle(_ index: Int, scratch: UnsafeMutableRawBufferPointer) throws {
        if index == 0 {
            let descriptor = accept(listener, nil, nil)
            if descriptor >= 0 {
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                connections.append(Connection(PlayedSocket(descriptor: descriptor)))
            }
            return
        }
        let connection = connections[index - 1]
        try connection.socket.flush()
        guard let bytes = connection.socket.receive(into: scratch) else {
            connections.remove(at: index - 1)
            return
        }
        var atOnce: [UInt8] = []
        connection.stream.read(bytes) { request in
            switch request.command {
            case "GET", "SET", "MGET":
                connection.waiting.append(request)
                waitingKeyCount += request.command == "MGET" ? request.argumentCount : 1
            case "INFO": atOnce += respBulk(Array("redis_version:7.2.4\r\n".utf8))
            default: atOnce += Array("+OK\r\n".utf8)
            }
        }
        if !atOnce.isEmpty { try connection.socket.send([atOnce]) }
        if answersAtOnce { try answerAll() }
    }

    /// Answers all that has come, with one send per connection where the answers are short.
    func answerAll() throws {
        for connection in connections where !connection.waiting.isEmpty {
            var pieces: [[UInt8]] = [[]]
            for request in connection.waiting {
                if pieces[pieces.count - 1].count > 1 << 16 { pieces.append([]) }
                pieces[pieces.count - 1] += answer(to: request)
            }
            connection.waiting.removeAll(keepingCapacity: true)
            try connection.socket.send(pieces)
        }
        waitingKeyCount = 0
    }

    private func answer(to request: PlayedRequest) -> [UInt8] {
        switch request.command {
        case "GET": return value
        case "SET": return Array("+OK\r\n".utf8)
        default: return respArray(of: request.argumentCount, value)
        }
    }
}

/// An array reply of `count` times the same element.
func respArray(of count: Int, _ element: [UInt8]) -> [UInt8] {
    var bytes = Array("*\(count)\r\n".utf8)
    for _ in 0..<count { bytes += element }
    return bytes
}

private func listenOnLoopback(_ endpoint: Endpoint) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    let isBound = Endpoint.withSocketAddress(endpoint) { bind(descriptor, $0, $1) == 0 }
    guard isBound, listen(descriptor, 64) == 0 else {
        close(descriptor)
        throw ChildFailure("cannot listen on \(endpoint): \(String(cString: strerror(errno)))")
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return descriptor
}
