// FakeServer: a server that does what a test tells it, on a unix socket: every connection has a thread on which the
// test's closure speaks. Greetings are answered by themselves. It stops when it is let go of.

import Foundation
import Glibc
import Platform
import Synchronization
import TestKit

@testable import keyway_bench

/// The client went away, which ends the conversation.
struct ConversationEnd: Error {}

/// One accepted connection, from the server's side. A character is a byte: values may be any bytes.
final class Conversation {
    let descriptor: Int32
    /// The how manieth connection of the server this is, from 0.
    let index: Int
    private var unread: [UInt8] = []
    /// Replies to the next greetings, instead of OK.
    var greetingReplies: [String] = []

    init(_ descriptor: Int32, _ index: Int) {
        self.descriptor = descriptor
        self.index = index
    }

    /// The next request that is no greeting.
    func request() throws -> [String] {
        while true {
            let words = try anyRequest()
            guard ["HELLO", "AUTH", "SELECT", "PING"].contains(words.first) else { return words }
            try send(greetingReplies.isEmpty ? "+OK\r\n" : greetingReplies.removeFirst())
        }
    }

    /// A greeting, too.
    func anyRequest() throws -> [String] {
        let count = try number(after: "*")
        return try (0..<count).map { _ in
            let size = try number(after: "$")
            let body = try take(size + 2)
            return String(String.UnicodeScalarView(body.dropLast(2).map { Unicode.Scalar($0) }))
        }
    }

    private func number(after sign: String) throws -> Int {
        var line: [UInt8] = []
        repeat { line += try take(1) } while line.last != 10
        let text = String(decoding: line.dropLast(2), as: UTF8.self)
        guard text.hasPrefix(sign), let number = Int(text.dropFirst()) else { throw ConversationEnd() }
        return number
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while unread.count < count {
            guard let more = Socket.receive(descriptor, countMax: 65_536, deadlineNs: soonNs()), !more.isEmpty else {
                throw ConversationEnd()
            }
            unread += more
        }
        defer { unread.removeFirst(count) }
        return Array(unread.prefix(count))
    }

    func send(_ text: String) throws {
        let bytes = text.unicodeScalars.map { UInt8($0.value) }
        guard Socket.send(descriptor, all: bytes, deadlineNs: soonNs()) else { throw ConversationEnd() }
    }

    /// Sends the pieces so that the other side reads each by itself.
    func send(pieces: [[UInt8]]) throws {
        for piece in pieces {
            guard Socket.send(descriptor, all: piece, deadlineNs: soonNs()) else { throw ConversationEnd() }
            // Of a unix socket this is what the other side has not read.
            var unreadCount: Int32 = 1
            while unreadCount > 0 {
                guard ioctl(descriptor, UInt(TIOCOUTQ), &unreadCount) == 0 else { throw ConversationEnd() }
                sched_yield()
            }
        }
    }

    /// Waits `ms` for the client to say something more, or to go.
    func linger(ms: UInt64) {
        _ = Socket.wait(descriptor, until: .readable, deadlineNs: Clock.nowNs() + ms * 1_000_000)
    }
}

final class FakeServer: Sendable {
    let target: Target
    private let folder = TemporaryFolder()
    private let listener: Int32
    private let count = Mutex(0)

    init(_ behave: @escaping @Sendable (Conversation) throws -> Void) throws {
        let path = folder.file("fake.sock")
        target = Target(label: "fake", place: .unix(path: path))
        listener = try Socket.listen(on: SocketAddress(unixPath: path)!, backlog: 100, sharesPort: false)
        let listener = listener
        Self.start { [weak self] in
            while Socket.wait(listener, until: .readable, deadlineNs: soonNs()),
                case .client(let descriptor) = Socket.accept(listener)
            {
                let index = self?.count.withLock { count in
                    defer { count += 1 }
                    return count
                }
                Self.start {
                    defer { Socket.close(descriptor) }
                    try? behave(Conversation(descriptor, index ?? 0))
                }
            }
            Socket.close(listener)
        }
    }

    deinit { Socket.stopListening(listener) }

    private static func start(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = 1 << 20
        thread.start()
    }
}

/// Far enough away for the slowest machine.
func soonNs() -> UInt64 { Clock.nowNs() + 30_000_000_000 }
