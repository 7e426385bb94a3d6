// Proxy: the workers and their listening sockets, from start to drain.
// Sockets are opened before any worker runs, so that every reason not to start is known at the start.
// Not here: one worker's loop (Worker), signals and settings (the program).

import Glibc
package import Logging
import Platform
import Routing
import Synchronization
package import Telemetry
import Upstream

/// Why the proxy did not start.
package struct ProxyStartError: Error, CustomStringConvertible, Sendable {
    package let description: String
}

package final class Proxy: Sendable {
    private struct State {
        var threads: [pthread_t] = []
        var mailboxes: [Mailbox] = []
        var listening: [String] = []
        var sharedSockets: [Int32] = []
        var watchdog: Watchdog?
        var hostWatch: HostWatch?
    }

    private let options: ProxyOptions
    private let pools: [PoolOptions]
    private let counters: Counters
    private let log: Logger
    private let shared: SharedState
    private let state = Mutex(State())

    package init(options: ProxyOptions, pools: [PoolOptions], counters: Counters, log: Logger) {
        self.options = options
        self.pools = pools
        self.counters = counters
        self.log = log
        shared = SharedState(clientsMax: options.clientsMax)
    }

    /// Where each pool listens, in the pools' order: `127.0.0.1:22121` or a path. Port 0 has become a real one.
    package var listening: [String] { state.withLock { $0.listening } }

    package var connectedClients: Int { shared.connectedClients }

    /// Opens every listener and starts the workers.
    package func start() throws(ProxyStartError) {
        var sockets: [[(descriptor: Int32, poolIndex: Int)]] = Array(repeating: [], count: options.workerCount)
        var texts: [String] = []
        for (index, pool) in pools.enumerated() {
            let opened = try open(pool)
            texts.append(opened.text)
            for worker in 0..<options.workerCount {
                sockets[worker].append((opened.descriptors[worker % opened.descriptors.count], index))
            }
        }
        let boxes = try makeMailboxes()
        shared.mailboxes = boxes
        state.withLock { state in
            state.mailboxes = boxes
            state.listening = texts
            state.sharedSockets = Array(Set(sockets.flatMap { $0.map(\.descriptor) }))
        }
        let commandTable = CommandTable()
        for worker in 0..<options.workerCount {
            let thread = try startWorker(worker, sockets: sockets[worker], mailbox: boxes[worker], commandTable)
            state.withLock { $0.threads.append(thread) }
        }
        let watchdog = Watchdog.start(
            workerCount: options.workerCount, counters: counters, events: shared.events, log: log)
        let hostWatch = HostWatch.start(pools, shared: shared, log: log)
        state.withLock { ($0.watchdog, $0.hostWatch) = (watchdog, hostWatch) }
    }

    private func makeMailboxes() throws(ProxyStartError) -> [Mailbox] {
        var boxes: [Mailbox] = []
        do throws(SystemError) {
            for _ in 0..<options.workerCount { boxes.append(try Mailbox()) }
        } catch {
            throw ProxyStartError(description: "cannot start the workers: \(error)")
        }
        return boxes
    }

    private func startWorker(
        _ index: Int, sockets: [(descriptor: Int32, poolIndex: Int)], mailbox: Mailbox, _ commandTable: CommandTable
    ) throws(ProxyStartError) -> pthread_t {
        let (options, pools, counters, shared, log) = (options, pools, counters, shared, log)
        do throws(SystemError) {
            let poller = try Worker.makePoller(listeners: sockets, mailbox: mailbox)
            return try WorkerThread.start(name: "keyway-worker-\(index)", owning: poller) { poller in
                let engine = Engine(
                    options: options, pools: pools, workerIndex: index, counters: counters, shared: shared,
                    commandTable: commandTable, nowMs: Clock.nowNs() / 1_000_000, log: log)
                var worker = Worker(engine: engine, poller: poller, listeners: sockets, mailbox: mailbox, log: log)
                worker.run()
            }
        } catch {
            throw ProxyStartError(description: "cannot start worker \(index): \(error)")
        }
    }

    /// Stops accepting, answers what is under way, closes. Returns when that is done or `drainTimeoutMs` have passed.
    package func drain() {
        let (threads, boxes, sockets) = state.withLock { state in
            defer { state.threads = [] }
            state.watchdog?.stop()
            state.hostWatch?.stop()
            return (state.threads, state.mailboxes, state.sharedSockets)
        }
        for box in boxes { box.post(.drain) }
        for thread in threads { WorkerThread.join(thread) }
        for descriptor in sockets { Socket.close(descriptor) }
        for pool in pools {
            if case .unix(let path, _) = pool.listen { unlink(path) }
        }
    }

    // MARK: Listening

    private func open(_ pool: PoolOptions) throws(ProxyStartError) -> (descriptors: [Int32], text: String) {
        do throws(SystemError) {
            switch pool.listen {
            case .unix(let path, let mode): return ([try openUnix(path, mode, pool)], path)
            case .tcp(let host, let port):
                return try openTCP(address(host, port), pool)
            }
        } catch {
            throw ProxyStartError(
                description: "pool \(pool.name): \(error); is another program, or another Keyway, listening there?")
        }
    }

    private func address(_ host: String, _ port: Int) throws(SystemError) -> SocketAddress {
        do throws(ResolveError) {
            return try SocketAddress.resolve(host: host, port: port)[0]
        } catch {
            throw SystemError("listen on \(host): \(error.reason)", EADDRNOTAVAIL)
        }
    }

    /// One socket a worker on the same port. The kernel lets two programs of one user share a port so, and each would
    /// get half of the clients: the first socket is therefore opened without sharing, as a test, and again with it.
    private func openTCP(
        _ address: SocketAddress, _ pool: PoolOptions
    ) throws(SystemError) -> (descriptors: [Int32], text: String) {
        let probe = try Socket.listen(on: address, backlog: pool.backlog, sharesPort: false)
        let bound = Socket.localAddress(of: probe) ?? address
        if options.workerCount == 1 { return ([probe], bound.text) }
        Socket.close(probe)
        var descriptors: [Int32] = []
        for _ in 0..<options.workerCount {
            descriptors.append(try Socket.listen(on: bound, backlog: pool.backlog, sharesPort: true))
        }
        return (descriptors, bound.text)
    }

    /// One socket for all workers. A file that a killed Keyway left behind is removed, one that answers is not.
    private func openUnix(_ path: String, _ mode: Int?, _ pool: PoolOptions) throws(SystemError) -> Int32 {
        guard let address = SocketAddress(unixPath: path) else { throw SystemError("listen on \(path)", ENAMETOOLONG) }
        if isStale(address) { unlink(path) }
        let descriptor = try Socket.listen(on: address, backlog: pool.backlog, sharesPort: false)
        if let mode, chmod(path, mode_t(mode)) != 0 { throw SystemError("chmod \(path)") }
        return descriptor
    }

    private func isStale(_ address: SocketAddress) -> Bool {
        do throws(SystemError) {
            Socket.close(try Socket.connect(to: address))
            return false
        } catch {
            return error.number == ECONNREFUSED
        }
    }
}
