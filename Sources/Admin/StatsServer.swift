// StatsServer: the port that answers every connection with the statistics and closes it, as twemproxy's does.
// One client at a time on a thread of its own; a client that does not take its answer is dropped after a second, so
// nobody waits longer than that for another, and no worker waits for any.
// Not here: the text (Telemetry/StatsJSON), HTTP.

import Glibc
import Platform
import Synchronization

/// Why the statistics port could not be opened.
package struct StatsServerError: Error, CustomStringConvertible, Sendable {
    package let description: String
}

package final class StatsServer: Sendable {
    /// How long one client may take to receive its answer.
    package static let sendTimeoutMs = 1_000

    private let host: String
    private let requestedPort: Int
    private let sendTimeoutMs: Int
    private let render: @Sendable () -> String
    private let stopping = Atomic(false)
    private let running = Mutex<Running?>(nil)

    /// The thread only reads these; `stop()` closes the listener after the thread has ended.
    private struct Running: @unchecked Sendable {
        let thread: pthread_t
        let listener: Int32
        let port: Int
    }

    /// - Parameters:
    ///   - host: address or name to listen on, IPv4 or IPv6, such as `0.0.0.0` or `::1`.
    ///   - port: 0 for any free one.
    ///   - render: the whole answer; called on the server's thread, once per connection.
    package init(
        host: String, port: Int, sendTimeoutMs: Int = StatsServer.sendTimeoutMs,
        render: @escaping @Sendable () -> String
    ) {
        precondition(port >= 0 && port <= 65_535)
        self.host = host
        self.requestedPort = port
        self.sendTimeoutMs = sendTimeoutMs
        self.render = render
    }

    deinit { precondition(running.withLock { $0 == nil }, "StatsServer: dropped without stop()") }

    /// The port it listens on; nil while it does not run.
    package var port: Int? { running.withLock { $0?.port } }

    /// Listens from when this returns. Called once, before `stop()`.
    package func start() throws(StatsServerError) {
        let listener = try listen()
        let port = Self.port(of: listener)
        do {
            let thread = try WorkerThread.start(name: "keyway-stats") { [self] in serve(listener) }
            running.withLock { state in
                precondition(state == nil, "StatsServer: started twice")
                state = Running(thread: thread, listener: listener, port: port)
            }
        } catch {
            Socket.close(listener)
            throw StatsServerError(description: "stats: \(error)")
        }
    }

    /// Closes the port and waits for the thread: at most the send timeout. Harmless when it does not run.
    package func stop() {
        stopping.store(true, ordering: .relaxed)
        guard let last = running.withLock({ $0.take() }) else { return }
        Socket.stopListening(last.listener)
        WorkerThread.join(last.thread)
        Socket.close(last.listener)
    }

    private func listen() throws(StatsServerError) -> Int32 {
        let place = "stats: cannot listen on \(host), port \(requestedPort)"
        let addresses: [SocketAddress]
        do {
            addresses = try SocketAddress.resolve(host: host, port: requestedPort)
        } catch {
            throw StatsServerError(
                description: "\(place): \(error); give the address of one of this machine's interfaces")
        }
        var reason = "the name has no address"
        for address in addresses {
            do {
                return try Socket.listen(on: address, backlog: 64, sharesPort: false)
            } catch {
                reason = SystemError.text(error.number)
            }
        }
        throw StatsServerError(description: "\(place): \(reason); choose another with -s PORT and -a ADDRESS")
    }

    /// The port of a bound socket, from a text such as `[::1]:22222`.
    private static func port(of listener: Int32) -> Int {
        guard let text = Socket.localAddress(of: listener)?.text, let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...])
        else { preconditionFailure("StatsServer: a bound socket without a port") }
        return port
    }

    private func serve(_ listener: Int32) {
        while !stopping.load(ordering: .relaxed) {
            switch Socket.accept(listener) {
            case .client(let client):
                let deadlineNs = Clock.nowNs() + UInt64(sendTimeoutMs) * 1_000_000
                _ = Socket.send(client, all: Array(render().utf8), deadlineNs: deadlineNs)
                Socket.close(client)
            case .nobody:
                _ = Socket.wait(listener, until: .readable, deadlineNs: .max)
            case .exhausted:
                // Waiting for the listener would return at once: the client is still in the backlog.
                Clock.nap(microseconds: 50_000)
            }
        }
    }
}
