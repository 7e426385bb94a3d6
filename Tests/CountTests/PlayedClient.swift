// PlayedClient: a client that sends what it is given and compares every byte that comes with what has to come; or asks
// for a text and keeps it.

import Glibc
import TestKit

final class PlayedClient {
    let socket: PlayedSocket
    private var expected: [UInt8] = []
    private var receivedBytes = 0
    /// A bulk reply of unknown size, from its first byte on; nil: replies are compared.
    private var text: [UInt8]?

    init(_ endpoint: Endpoint) throws {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, Endpoint.withSocketAddress(endpoint, { connect(descriptor, $0, $1) == 0 }) else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw ChildFailure("cannot connect to \(endpoint): \(reason)")
        }
        socket = PlayedSocket(descriptor: descriptor)
    }

    var isWaiting: Bool {
        guard let text else { return receivedBytes < expected.count }
        guard let lineEnd = text.firstIndex(of: 13) else { return true }
        let sizeBytes = Int(String(decoding: text[1..<lineEnd], as: UTF8.self)) ?? 0
        return text.count < lineEnd + 2 + sizeBytes + 2
    }

    var watched: pollfd {
        pollfd(fd: socket.descriptor, events: Int16(POLLIN | (socket.wantsToSend ? POLLOUT : 0)), revents: 0)
    }

    func send(_ requests: [UInt8], expecting replies: [UInt8]) throws {
        expected = replies
        receivedBytes = 0
        try socket.send([requests])
    }

    /// Sends a request whose bulk reply is kept for `takeText`.
    func ask(_ request: [UInt8]) throws {
        text = []
        try socket.send([request])
    }

    func takeText() -> String {
        defer { text = nil }
        return String(decoding: text ?? [], as: UTF8.self)
    }

    func handle(scratch: UnsafeMutableRawBufferPointer) throws {
        try socket.flush()
        guard let bytes = socket.receive(into: scratch) else { throw ChildFailure("keyway closed a client") }
        if text != nil {
            text! += bytes
            return
        }
        let isAsExpected = expected.withUnsafeBytes {
            bytes.count <= $0.count - receivedBytes
                && memcmp($0.baseAddress! + receivedBytes, bytes.baseAddress!, bytes.count) == 0
        }
        guard isAsExpected else {
            let shown = String(decoding: bytes.prefix(200), as: UTF8.self)
            throw ChildFailure("a wrong reply after \(receivedBytes) bytes: \(shown)")
        }
        receivedBytes += bytes.count
    }
}
