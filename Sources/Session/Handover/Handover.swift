// Handover: what two Keyway processes say to each other while the newer one takes the older one's place.
//
//     older                                newer
//       │── greeting ────────────────────────►│   its version, and from where clients' ids go on
//       │── listener + socket ───────────────►│   one for each socket that takes in clients
//       │── all listeners ───────────────────►│
//       │                                     │   reads its config, connects, starts its workers
//       │◄─────────────────────────── ready ──│   from here on both accept; nobody is refused
//       │── ports are free ──────────────────►│   statistics and the like
//       │◄─────────────────────────── serves ─│   it has them, and nothing can fail any more
//       │── client + socket ─────────────────►│   each client between two of its requests
//       │── all clients ─────────────────────►│
//
// The older one gives no client away before it has heard `serves`: a newer one that fails costs nobody anything.
// Not here: how bytes and sockets travel (Platform/DescriptorChannel), a client's state (ClientRecord), when to begin
// (the program).

import Platform
import Synchronization

package final class Handover: Sendable {
    private enum Kind {
        static let (greeting, listener, allListeners): (UInt8, UInt8, UInt8) = (1, 2, 3)
        static let (ready, portsAreFree, serves): (UInt8, UInt8, UInt8) = (4, 5, 8)
        static let (client, allClients): (UInt8, UInt8) = (6, 7)
    }

    /// One that was said in the wrong place, or not understood.
    package struct Misunderstanding: Error, CustomStringConvertible {
        package let description: String
    }

    package struct Greeting: Sendable, Equatable {
        /// The older process's version, for people.
        package var version: String
        package var lastClientID: Int

        package init(version: String, lastClientID: Int) {
            self.version = version
            self.lastClientID = lastClientID
        }
    }

    private let channel: DescriptorChannel
    /// Held for the time of one client, whose bytes would otherwise mix with another's.
    private let sending = Mutex(())
    /// Workers that accept nobody any more.
    private let released = Atomic(0)

    package init(socket: Int32) { channel = DescriptorChannel(socket: socket) }

    /// So long the other end may take to read, or to say something.
    package func setTimeout(seconds: Int) { channel.setTimeout(seconds: seconds) }

    func release() { released.add(1, ordering: .releasing) }

    var releasedCount: Int { released.load(ordering: .acquiring) }

    // MARK: The older process

    package func offer(_ greeting: Greeting, listeners: [Int32]) throws {
        var fields = TaggedFields()
        fields.add(1, greeting.version)
        fields.add(2, greeting.lastClientID)
        try channel.send(kind: Kind.greeting, fields.bytes)
        for listener in listeners { try channel.send(kind: Kind.listener, descriptor: listener) }
        try channel.send(kind: Kind.allListeners)
    }

    /// - Throws: when the newer process ends, or is silent, before it serves.
    package func waitUntilReady() throws { try hear(Kind.ready) }

    /// As above.
    package func waitUntilItServes() throws { try hear(Kind.serves) }

    private func hear(_ kind: UInt8) throws {
        guard let message = try channel.receive() else {
            throw Misunderstanding(description: "it ended before it served")
        }
        guard message.kind == kind else { throw Self.unexpected(message) }
    }

    package func sayPortsAreFree() throws { try channel.send(kind: Kind.portsAreFree) }

    /// From any worker.
    func send(_ client: ClientRecord, descriptor: Int32) throws(SystemError) {
        let bytes = client.bytes
        try sending.withLock { _ throws(SystemError) in
            try channel.send(kind: Kind.client, bytes, descriptor: descriptor)
        }
    }

    package func sayAllClientsAreSent() throws { try channel.send(kind: Kind.allClients) }

    // MARK: The newer process

    package func accept() throws -> (greeting: Greeting, listeners: [Int32]) {
        guard let first = try channel.receive(), first.kind == Kind.greeting,
            let fields = TaggedFields(first.bytes), let version = fields.text(1), let lastID = fields.integer(2)
        else { throw Misunderstanding(description: "the older process did not greet") }
        var listeners: [Int32] = []
        while let message = try channel.receive() {
            if message.kind == Kind.allListeners {
                return (Greeting(version: version, lastClientID: lastID), listeners)
            }
            guard message.kind == Kind.listener, let descriptor = message.descriptor else {
                throw Self.unexpected(message)
            }
            listeners.append(descriptor)
        }
        throw Misunderstanding(description: "the older process ended before it gave its sockets")
    }

    package func sayReady() throws { try channel.send(kind: Kind.ready) }

    package func waitUntilPortsAreFree() throws {
        guard let message = try channel.receive(), message.kind == Kind.portsAreFree else {
            throw Misunderstanding(description: "the older process ended before it gave its ports")
        }
    }

    package func sayItServes() throws { try channel.send(kind: Kind.serves) }

    /// - Returns: nil when all have been given.
    /// - Throws: when the older process ends before that.
    func nextClient() throws -> (record: ClientRecord?, descriptor: Int32)? {
        guard let message = try channel.receive() else {
            throw Misunderstanding(description: "the older process ended before it gave all clients")
        }
        if message.kind == Kind.allClients { return nil }
        guard message.kind == Kind.client, let descriptor = message.descriptor else { throw Self.unexpected(message) }
        return (ClientRecord(message.bytes), descriptor)
    }

    private static func unexpected(_ message: DescriptorChannel.Message) -> Misunderstanding {
        if let descriptor = message.descriptor { Socket.close(descriptor) }
        return Misunderstanding(description: "message \(message.kind) of \(message.bytes.count) bytes is unexpected")
    }
}
