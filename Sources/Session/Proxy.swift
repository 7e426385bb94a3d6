// Proxy: the workers and their listening sockets, from start to drain, or to the process that takes over.
// Sockets are opened before any worker runs, so that every reason not to start is known at the start.
// Not here: one worker's loop (Worker), signals and settings (the program).

import Glibc
import Hashing
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
    struct State {
        var threads: [pthread_t] = []
        var mailboxes: [Mailbox] = []
        var listening: [String] = []
        var sharedSockets: [Int32] = []
        var hasHandedOver = false
        var watchdog: Watchdog?
        var hostWatch: HostWatch?
        /// By pool: the placement without what is out of the ring.
        var rings: [Int: (ejected: Set<Int>, revision: Int, placement: Placement)] = [:]
    }

    let options: ProxyOptions
    let pools: [PoolOptions]
    let counters: Counters
    private let log: Logger
    private let traceLog: Logger
    let shared: SharedState
    let state = Mutex(State())
    /// Held by whoever waits for the workers' end; a second one waits for the first.
    private let ending = Mutex(())

    /// - Parameters:
    ///   - traceLog: takes every line of a trace; `log` may leave out what repeats.
    ///   - lastClientID: clients' ids go on behind it.
    package init(
        options: ProxyOptions, pools: [PoolOptions], counters: Counters, log: Logger, traceLog: Logger? = nil,
        lastClientID: Int = 0
    ) {
        self.options = options
        self.pools = pools
        self.counters = counters
        self.log = log
        self.traceLog = traceLog ?? log
        shared = SharedState(
            clientsMax: options.clientsMax, lastClientID: lastClientID, slowCountMax: options.slowLog.countMax)
    }

    /// For another config, in the same process: takes the place of `older`, see `handOver`.
    package init(
        options: ProxyOptions, pools: [PoolOptions], counters: Counters, log: Logger, following older: Proxy
    ) {
        self.options = options
        self.pools = pools
        self.counters = counters
        self.log = log
        traceLog = older.traceLog
        shared = SharedState(
            clientsMax: options.clientsMax, slowCountMax: options.slowLog.countMax, following: older.shared)
    }

    /// Where each pool listens, in the pools' order: `127.0.0.1:22121` or a path. Port 0 has become a real one.
    package var listening: [String] { state.withLock { $0.listening } }

    package var connectedClients: Int { shared.connectedClients }

    /// Opens every listener that is not among `inherited`, and starts the workers.
    package func start(inherited: InheritedSockets = InheritedSockets()) throws(ProxyStartError) {
        var sockets: [[(descriptor: Int32, poolIndex: Int)]] = Array(repeating: [], count: options.workerCount)
        var texts: [String] = []
        var inherited = inherited
        for (index, pool) in pools.enumerated() {
            let opened = try open(pool, &inherited)
            texts.append(opened.text)
            // Every worker has a socket, and every socket a worker, however many there are of each.
            for place in 0..<max(options.workerCount, opened.descriptors.count) {
                sockets[place % options.workerCount].append(
                    (opened.descriptors[place % opened.descriptors.count], index))
            }
        }
        for address in inherited.closeRest() {
            log.notice("\(address): no pool listens there any more; its socket is closed")
            if address.hasPrefix("/") { unlink(address) }
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
        let (options, pools, counters, shared, log, traceLog) = (options, pools, counters, shared, log, traceLog)
        do throws(SystemError) {
            let poller = try Worker.makePoller(listeners: sockets, mailbox: mailbox)
            return try WorkerThread.start(name: "keyway-worker-\(index)", owning: poller) { poller in
                let engine = Engine(
                    options: options, pools: pools, workerIndex: index, counters: counters, shared: shared,
                    commandTable: commandTable, nowMs: Clock.nowNs() / 1_000_000, log: log, traceLog: traceLog)
                var worker = Worker(engine: engine, poller: poller, listeners: sockets, mailbox: mailbox, log: log)
                worker.run()
            }
        } catch {
            throw ProxyStartError(description: "cannot start worker \(index): \(error)")
        }
    }

    /// Stops accepting, answers what is under way, closes. Returns when that is done or `drainTimeoutMs` have passed.
    package func drain() {
        endWorkers { $0.post(.drain) }
        // Of the process or generation that follows, otherwise.
        guard !state.withLock({ $0.hasHandedOver }) else { return }
        for pool in pools {
            if case .unix(let path, _) = pool.listen { unlink(path) }
        }
    }

    /// Returns when the workers have ended, whoever made them.
    private func endWorkers(_ tell: (Mailbox) -> Void, whenTold: () -> Void = {}) {
        for box in state.withLock({ $0.mailboxes }) { tell(box) }
        whenTold()
        ending.withLock { _ in
            let ended = state.withLock { state in
                defer { (state.threads, state.sharedSockets) = ([], []) }
                return state
            }
            for thread in ended.threads { WorkerThread.join(thread) }
            ended.watchdog?.stop()
            ended.hostWatch?.stop()
            for descriptor in ended.sharedSockets { Socket.close(descriptor) }
        }
    }

    // MARK: Handover

    /// What another process needs to take this one's place.
    package var offer: (lastClientID: Int, listeners: [Int32]) {
        (shared.lastClientIDForFollower, state.withLock { $0.sharedSockets })
    }

    /// Gives all clients to whoever is at the other end, each between two of its requests. Returns when all have gone,
    /// or have been ended as `patience` says.
    package func handOver(_ handover: Handover, _ patience: Patience) throws {
        shared.hotKeys.close()
        state.withLock { $0.hasHandedOver = true }
        endWorkers {
            $0.post(.handOver(handover, patience))
        } whenTold: {
            // Else an address that is no longer listened to would let clients in whom nobody accepts.
            if case .lasting = patience { closeListeners(releasedBy: handover) }
        }
        try handover.sayAllClientsAreSent()
    }

    private func closeListeners(releasedBy handover: Handover) {
        while handover.releasedCount < options.workerCount { Clock.nap(microseconds: 1_000) }
        let sockets = state.withLock { state in
            defer { state.sharedSockets = [] }
            return state.sharedSockets
        }
        for descriptor in sockets { Socket.close(descriptor) }
    }

    /// Shards that are out of their pool's ring, which a generation that follows would not know.
    package var shardsOutOfRing: [String] {
        pools.flatMap { pool in pool.shards.filter { shared.register[$0].isEjected }.map { "\(pool.name)/\($0.name)" } }
    }

    /// Waits until every worker has a connection to every server, but not longer than `timeoutMs`.
    package func waitUntilConnected(timeoutMs: Int) {
        let deadlineNs = Clock.nowNs() + UInt64(timeoutMs) * 1_000_000
        while Clock.nowNs() < deadlineNs, !isConnected { Clock.nap(microseconds: 5_000) }
    }

    private var isConnected: Bool {
        (0..<options.workerCount).allSatisfy { worker in
            pools.indices.allSatisfy { pool in
                pools[pool].shards.indices.allSatisfy {
                    counters.server($0, pool: pool, worker: worker).read(.serverConnections) > 0
                }
            }
        }
    }

    /// Takes in the clients that come; returns when all have come.
    ///
    /// - Parameter current: the generation of workers that takes clients in at the moment; asked for each of them, for
    ///   one may follow another meanwhile.
    /// - Returns: how many.
    /// - Throws: when the other end is gone before; those that have come stay.
    package static func takeOver(_ handover: Handover, current: () -> Proxy, log: Logger) throws -> Int {
        var count = 0
        while let (record, descriptor) = try handover.nextClient() {
            guard let record else {
                log.warning("a client that was to be taken over is closed: its state cannot be read")
                Socket.close(descriptor)
                continue
            }
            while !current().adopt(record, descriptor: descriptor, turn: count) { Clock.nap(microseconds: 1_000) }
            count += 1
        }
        return count
    }

    /// - Returns: false when this generation gives its own clients away.
    private func adopt(_ record: ClientRecord, descriptor: Int32, turn: Int) -> Bool {
        // Under the lock, so that the worker reads this before it hears of its own handover.
        state.withLock { state in
            guard !state.hasHandedOver else { return false }
            state.mailboxes[turn % state.mailboxes.count].post(.adopt(record, descriptor: descriptor))
            return true
        }
    }

    // MARK: Listening

    private func open(
        _ pool: PoolOptions, _ inherited: inout InheritedSockets
    ) throws(ProxyStartError) -> (descriptors: [Int32], text: String) {
        do throws(SystemError) {
            switch pool.listen {
            case .unix(let path, let mode):
                let known = SocketAddress(unixPath: path).map { inherited.take($0) } ?? []
                return (known.isEmpty ? [try openUnix(path, mode, pool)] : known, path)
            case .tcp(let host, let port):
                let address = try address(host, port)
                let known = inherited.take(address)
                return known.isEmpty ? try openTCP(address, pool) : (known, address.text)
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
