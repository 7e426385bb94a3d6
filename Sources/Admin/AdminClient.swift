// AdminClient: asks a running Keyway's admin port for one document, for the commands that show it in a terminal.
// Not here: which Keyway (the program), how it is shown (OverviewText).

import Foundation
import Platform

package struct AdminClientError: Error, CustomStringConvertible, Sendable {
    package let description: String
}

package struct AdminClient: Sendable {
    private static let timeoutNs: UInt64 = 5_000_000_000
    private static let answerBytesMax = 64 << 20

    private let host: String
    private let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    private var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// - Returns: the body of what `path` answers.
    package func get(_ path: String) throws(AdminClientError) -> [UInt8] {
        try ask("GET \(path) HTTP/1.1\r\nHost: \(place)\r\nConnection: close\r\n\r\n")
    }

    /// Has something done.
    ///
    /// - Returns: the body of the answer.
    /// - Throws: also when it was refused, with the reason.
    package func post(_ path: String, token: String) throws(AdminClientError) -> [UInt8] {
        try ask(
            "POST \(path) HTTP/1.1\r\nHost: \(place)\r\nAuthorization: Bearer \(token)\r\n"
                + "Content-Length: 0\r\nConnection: close\r\n\r\n")
    }

    private func ask(_ request: String) throws(AdminClientError) -> [UInt8] {
        let deadlineNs = Clock.nowNs() + Self.timeoutNs
        let descriptor = try connect(deadlineNs)
        defer { Socket.close(descriptor) }
        guard Socket.send(descriptor, all: Array(request.utf8), deadlineNs: deadlineNs) else {
            throw AdminClientError(description: "\(place) took no request")
        }
        var answer: [UInt8] = []
        while answer.count < Self.answerBytesMax {
            guard let part = Socket.receive(descriptor, countMax: 1 << 16, deadlineNs: deadlineNs) else {
                throw AdminClientError(description: "\(place) did not answer in time")
            }
            if part.isEmpty { return try body(of: answer) }
            answer += part
        }
        throw AdminClientError(description: "\(place) answered more than \(Self.answerBytesMax) bytes")
    }

    private func connect(_ deadlineNs: UInt64) throws(AdminClientError) -> Int32 {
        let address: SocketAddress
        do {
            address = try SocketAddress.resolve(host: host, port: port)[0]
        } catch {
            throw AdminClientError(description: "\(error)")
        }
        do {
            return try Socket.connect(to: address, deadlineNs: deadlineNs)
        } catch {
            throw AdminClientError(
                description: "no Keyway's admin port at \(place): \(SystemError.text(error.number)); give --admin "
                    + "HOST:PORT, or -c FILE with admin_listen")
        }
    }

    private func body(of answer: [UInt8]) throws(AdminClientError) -> [UInt8] {
        let text = String(decoding: answer.prefix(64), as: UTF8.self)
        guard text.hasPrefix("HTTP/1.1 "), let end = headEnd(of: answer) else {
            throw AdminClientError(description: "\(place) does not speak HTTP; is it a Keyway's admin port?")
        }
        let body = Array(answer[end...])
        guard text.hasPrefix("HTTP/1.1 200 ") else {
            let status = text.dropFirst("HTTP/1.1 ".count).prefix { !$0.isNewline }
            throw AdminClientError(description: "\(place): \(status): \(Self.reason(in: body))")
        }
        return body
    }

    private struct Refusal: Decodable {
        let text: String
    }

    /// What people read of it.
    private static func reason(in body: [UInt8]) -> String {
        (try? JSONDecoder().decode(Refusal.self, from: Data(body)))?.text ?? String(decoding: body, as: UTF8.self)
    }

    private func headEnd(of answer: [UInt8]) -> Int? {
        guard answer.count >= 4 else { return nil }
        for index in 0...(answer.count - 4)
        where answer[index] == 13 && answer[index + 1] == 10 && answer[index + 2] == 13 && answer[index + 3] == 10 {
            return index + 4
        }
        return nil
    }
}
