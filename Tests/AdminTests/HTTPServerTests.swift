import Foundation
import Platform
import Synchronization
import TestKit
import Testing

@testable import Admin

/// Answers with what the path says.
private final class FakeDesk: HTTPDesk {
    let tickCount = Atomic(0)
    static let long = [UInt8](repeating: 120, count: 64 << 20)

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        switch request.path.first {
        case "long": HTTPResponse(.ok, type: "text/plain", Self.long)
        case "stream": HTTPResponse(streamBeginningWith: Array("data: 0\n\n".utf8))
        default: HTTPResponse(.ok, "\(request.method) \(request.path.joined(separator: "/"))")
        }
    }

    func tick() { tickCount.add(1, ordering: .relaxed) }
    func news() -> [UInt8]? { Array("data: \(tickCount.load(ordering: .relaxed))\n\n".utf8) }
}

private func deadline(ms: Int) -> UInt64 { Clock.nowNs() + UInt64(ms) * 1_000_000 }

struct HTTPServerTests {
    private let desk = FakeDesk()

    private func run(
        limits change: (inout HTTPServer.Limits) -> Void = { _ in }, _ body: (HTTPServer) throws -> Void
    ) throws {
        var limits = HTTPServer.Limits()
        change(&limits)
        let server = HTTPServer(host: "127.0.0.1", port: 0, limits: limits, desk: desk)
        try server.start()
        defer { server.stop() }
        try body(server)
    }

    private func connect(_ server: HTTPServer) throws -> Int32 {
        let address = try SocketAddress.resolve(host: "127.0.0.1", port: try #require(server.port))[0]
        return try Socket.connect(to: address, deadlineNs: deadline(ms: 5_000))
    }

    private func send(_ descriptor: Int32, _ text: String) {
        _ = Socket.send(descriptor, all: Array(text.utf8), deadlineNs: deadline(ms: 5_000))
    }

    /// Reads until the text is there, or the connection ends.
    private func read(_ descriptor: Int32, until end: String) throws -> String {
        var text = ""
        while !text.contains(end) {
            let part = try #require(Socket.receive(descriptor, countMax: 65_536, deadlineNs: deadline(ms: 10_000)))
            if part.isEmpty { return text }
            text += String(decoding: part, as: UTF8.self)
        }
        return text
    }

    private func hasEnded(_ descriptor: Int32) throws -> Bool {
        while true {
            let part = try #require(Socket.receive(descriptor, countMax: 1 << 20, deadlineNs: deadline(ms: 10_000)))
            if part.isEmpty { return true }
        }
    }

    private let request = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func severalRequestsOfOneConnectionAreAnsweredInTheirOrder() throws {
        try run { server in
            let client = try connect(server)
            defer { Socket.close(client) }
            send(
                client,
                request + "HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n"
                    + "GET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            let text = try read(client, until: "no such text")
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
            #expect(text.contains("GET a\n") && !text.contains("HEAD b\n") && text.hasSuffix("GET c\n"))
        }
    }

    @Test func aRequestThatComesByteByByteIsAnswered() throws {
        try run { server in
            let client = try connect(server)
            defer { Socket.close(client) }
            for letter in request { send(client, String(letter)) }
            #expect(try read(client, until: "GET a\n").contains("GET a\n"))
        }
    }

    @Test func nonsenseIsToldSoAndTheConnectionEnds() throws {
        try run { server in
            let client = try connect(server)
            defer { Socket.close(client) }
            send(client, "*1\r\n$4\r\nPING\r\n\r\n" + request)
            #expect(try read(client, until: "no such text").hasPrefix("HTTP/1.1 400 Bad Request"))
        }
    }

    /// Goal: whoever sends no request, or one without end, is gone after the time for one; others are served meanwhile.
    @Test func slowSendersAreCutAndKeepNobodyWaiting() throws {
        try run(limits: { $0.requestMs = 200 }) { server in
            let (silent, slow) = (try connect(server), try connect(server))
            defer { [silent, slow].forEach(Socket.close) }
            send(slow, "GET /a HTTP/1.1\r\nX: ")
            let client = try connect(server)
            defer { Socket.close(client) }
            send(client, request)
            #expect(try read(client, until: "GET a\n").contains("GET a\n"))
            #expect(try hasEnded(silent) && hasEnded(slow))
        }
    }

    /// Goal: the answer to one who does not take it is held for a limited time, and others are served meanwhile.
    @Test func slowReadersAreCutAndKeepNobodyWaiting() throws {
        try run(limits: { $0.answerMs = 300 }) { server in
            let slow = try connect(server)
            defer { Socket.close(slow) }
            send(slow, "GET /long HTTP/1.1\r\nHost: h\r\n\r\n")
            let client = try connect(server)
            defer { Socket.close(client) }
            send(client, request)
            #expect(try read(client, until: "GET a\n").contains("GET a\n"))
            // Only when the server has given it up is it read, or it would not be slow.
            let before = desk.tickCount.load(ordering: .relaxed)
            try eventually("two looks at the deadlines") { desk.tickCount.load(ordering: .relaxed) >= before + 2 }
            var count = 0
            while let part = Socket.receive(slow, countMax: 1 << 20, deadlineNs: deadline(ms: 5_000)), !part.isEmpty {
                count += part.count
            }
            #expect(count < FakeDesk.long.count)
        }
    }

    @Test func aFullHouseMakesRoomForWhoComes() throws {
        try run(limits: { $0.connectionCountMax = 4 }) { server in
            var clients: [Int32] = []
            defer { clients.forEach(Socket.close) }
            for _ in 0..<20 { clients.append(try connect(server)) }
            send(clients[19], request)
            #expect(try read(clients[19], until: "GET a\n").contains("GET a\n"))
            #expect(try hasEnded(clients[0]))
        }
    }

    @Test func whoListensHearsEachTickAndOnlySoManyMay() throws {
        try run(limits: { $0.streamCountMax = 1 }) { server in
            let (listener, refused) = (try connect(server), try connect(server))
            defer { [listener, refused].forEach(Socket.close) }
            send(listener, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try read(listener, until: "data: 0\n\n").contains("text/event-stream"))
            #expect(try read(listener, until: "\n\n").hasPrefix("data: "))
            send(refused, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try read(refused, until: "\r\n\r\n").hasPrefix("HTTP/1.1 503"))
        }
    }

    @Test func aPlaceThatIsTakenIsAReasonNotToStart() throws {
        try run { server in
            let second = HTTPServer(host: "127.0.0.1", port: try #require(server.port), desk: desk)
            #expect(throws: AdminServerError.self) { try second.start() }
        }
    }
}
