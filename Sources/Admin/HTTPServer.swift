// HTTPServer: a small HTTP server on one thread of its own, for operators: requests in, answers out, and streams of
// events that all who listen get at once.
// Rules: everything has a limit: connections, streams, bytes of a request, the time to send one, the time to take an
// answer. When the house is full, whoever has been silent longest makes room. No worker ever waits for this thread, and
// it waits for none of its clients.
// Not here: what is answered (AdminDesk), the bytes of HTTP (HTTPRequest, HTTPResponse).

import Glibc
import Platform
import Synchronization

/// Why the server could not be opened.
package struct AdminServerError: Error, CustomStringConvertible, Sendable {
    package let description: String
}

/// What a server serves. Called on its thread only.
protocol HTTPDesk: Sendable {
    func answer(_ request: HTTPRequest) -> HTTPResponse
    /// About once a second.
    func tick()
    /// For all who listen to the stream; nil for nothing.
    func news() -> [UInt8]?
}

package final class HTTPServer: Sendable {
    struct Limits: Sendable {
        var connectionCountMax = 64
        /// Of the connections.
        var streamCountMax = 16
        /// To send a request, or to begin the next one.
        var requestMs = 5_000
        /// To take an answer, from its beginning.
        var answerMs = 30_000
        /// What a stream's client has not taken yet.
        var streamBytesMax = 4_194_304
    }

    private let host: String
    private let requestedPort: Int
    private let limits: Limits
    private let desk: any HTTPDesk
    private let stopping = Atomic(false)
    private let running = Mutex<Running?>(nil)

    private struct Running: @unchecked Sendable {
        let thread: pthread_t
        let listener: Int32
        let wakeup: Wakeup
        let port: Int
    }

    /// - Parameter port: 0 for any free one.
    init(host: String, port: Int, limits: Limits = Limits(), desk: any HTTPDesk) {
        precondition(port >= 0 && port <= 65_535)
        self.host = host
        requestedPort = port
        self.limits = limits
        self.desk = desk
    }

    deinit { precondition(running.withLock { $0 == nil }, "HTTPServer: dropped without stop()") }

    /// The port it listens on; nil while it does not run.
    package var port: Int? { running.withLock { $0?.port } }

    /// Listens from when this returns. Called once, before `stop()`.
    package func start() throws(AdminServerError) {
        let listener = try listen()
        do throws(SystemError) {
            let wakeup = try Wakeup()
            let poller = try Poller()
            try poller.watch(listener, .read, tag: HTTPHouse.listenerTag)
            try poller.watch(wakeup.descriptor, .read, tag: HTTPHouse.wakeupTag)
            let (desk, limits) = (desk, limits)
            let thread = try WorkerThread.start(name: "keyway-admin", owning: poller) { [self] poller in
                var house = HTTPHouse(poller: poller, listener: listener, limits: limits, desk: desk)
                while !stopping.load(ordering: .relaxed) { house.turn() }
                house.closeAll()
            }
            let port = Socket.localAddress(of: listener)?.hostAndPort?.port ?? requestedPort
            running.withLock { state in
                precondition(state == nil, "HTTPServer: started twice")
                state = Running(thread: thread, listener: listener, wakeup: wakeup, port: port)
            }
        } catch {
            Socket.close(listener)
            throw AdminServerError(description: "admin: \(error)")
        }
    }

    /// Closes the port and every connection.
    package func stop() {
        stopping.store(true, ordering: .relaxed)
        guard let last = running.withLock({ $0.take() }) else { return }
        last.wakeup.signal()
        WorkerThread.join(last.thread)
        Socket.close(last.listener)
    }

    private func listen() throws(AdminServerError) -> Int32 {
        let place = "admin: cannot listen on \(host), port \(requestedPort)"
        do throws(ResolveError) {
            let address = try SocketAddress.resolve(host: host, port: requestedPort)[0]
            do throws(SystemError) {
                return try Socket.listen(on: address, backlog: 64, sharesPort: false)
            } catch {
                throw ResolveError(host: host, reason: SystemError.text(error.number))
            }
        } catch {
            throw AdminServerError(description: "\(place): \(error.reason); choose another place with admin_listen")
        }
    }
}
