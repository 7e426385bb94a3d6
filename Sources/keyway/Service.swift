// Service: Keyway as it runs: what starts in which order, what stops in the reverse one, and the signals in between.
// A process may take another one's place (Succession): it inherits the listening sockets, says when it serves, and is
// then given the clients.
// The main thread does nothing but take signals, from before the first start to the end, so that a second SIGTERM
// is heard whatever the first one waits for. Starting and stopping happen on a thread of their own.
// Not here: what the options mean (Assembly), the work itself (Session).

import Admin
import Dispatch
import Glibc
import Logging
import Platform
import Session
import Settings
import Synchronization
import Telemetry
import Upstream

/// Why Keyway did not start.
struct StartError: Error, CustomStringConvertible {
    let description: String
}

final class Service: Sendable {
    /// All that a run is made from.
    struct Job: Sendable {
        let settings: Settings
        let assembly: Assembly
        let options: RunOptions
        /// Nil when Keyway runs without a file.
        let configFile: String?
    }

    private enum Phase {
        /// `leaving`: another process takes this one's place.
        case starting, serving, leaving, stopping
    }

    private let job: Job
    private let sink: LogSink
    private let log: Logger
    private let supervisors: [(pool: Int, supervisor: EmbeddedSupervisor)]
    private let phase = Mutex(Phase.starting)
    /// Held while embedded servers are being stopped: whoever comes second waits until they are gone.
    private let stoppingShards = Mutex(())
    private let ownsPIDFile = Atomic(false)
    /// Signalled when a stop was asked for, or when another process has taken over.
    private let stopAsked = DispatchSemaphore(value: 0)
    private let programPath = Succession.programPath()
    private let running = Mutex<Running?>(nil)
    /// By pool; they run as long as the process.
    private let embeddedShards = Mutex<[String: [EmbeddedShard]]>([:])
    /// Held while a reload is under way: a second one waits.
    private let reloading = Mutex(())
    /// Those under way: clients still come from elsewhere.
    private let takeovers = Atomic(0)

    /// Opens the log.
    init(_ job: Job) throws {
        self.job = job
        let level =
            job.options.verbosity.map { Verbosity.level($0) } ?? Verbosity.level(job.settings.process.logLevel)
        LastWords.prepare()
        sink = try LogSink(path: job.options.logFile, level: level)
        sink.isJSON = job.settings.process.logsJSON
        let log = LogLine.logger(to: sink)
        self.log = log
        supervisors = job.assembly.pools.enumerated().compactMap { index, pool in
            pool.embedded.map { (index, EmbeddedSupervisor(options: $0, log: log)) }
        }
    }

    /// Runs until a signal ends it; then ends the process.
    ///
    /// - Parameter whenServing: called once, when clients can connect.
    /// - Throws: only when the thread for it all cannot be started.
    func run(whenServing: @escaping @Sendable () -> Void) throws -> Never {
        _ = try WorkerThread.start(name: "keyway-control") { [self] in
            let status = control(whenServing)
            sink.tellLeftOut()
            exit(status)
        }
        while true {
            switch Signals.next() {
            case .stop: askToStop()
            case .reopenLog: reopenLog()
            case .reload: askToReload()
            case .upgrade: askToHandOver()
            case .louder: setLevel(Verbosity.louder(than: sink.level))
            case .quieter: setLevel(Verbosity.quieter(than: sink.level))
            }
        }
    }

    private func askToStop() {
        let before = phase.withLock { phase in
            defer { phase = .stopping }
            return phase
        }
        switch before {
        case .stopping: endNow()
        case .serving, .leaving:
            log.notice("stopping: no new clients, requests in flight may finish")
            stopAsked.signal()
        case .starting:
            log.notice("stopping before the start is over")
            // Makes the start give up. Not on this thread, which has to hear the next signal.
            let thread = try? WorkerThread.start(name: "keyway-cancel") { [self] in stopSupervisors() }
            if let thread { WorkerThread.detach(thread) }
        }
    }

    private var isStopping: Bool { phase.withLock { $0 == .stopping } }

    /// The control thread: start, wait, stop.
    ///
    /// - Returns: the exit status.
    private func control(_ whenServing: () -> Void) -> Int32 {
        defer { removePIDFile() }
        do {
            try start()
            whenServing()
            ServiceManager.tell("READY=1\nMAINPID=\(getpid())")
            ResidentMemory.giveBackStartup()
            stopAsked.wait()
            guard isStopping else { return 0 }
            ServiceManager.tell("STOPPING=1")
            if let last = running.withLock({ $0 }) {
                for proxy in last.older + [last.proxy] { proxy.drain() }
                last.stats?.stop()
                last.admin?.stop()
            }
            stopSupervisors()
            log.notice("stopped")
            return 0
        } catch {
            stopSupervisors()
            if isStopping { return 0 }
            report(failure: "\(error)")
            return ExitStatus.failedStart
        }
    }

    private struct Running: Sendable {
        /// What it was made from.
        let settings: Settings
        let assembly: Assembly
        let proxy: Proxy
        let counters: Counters
        let stats: StatsServer?
        let admin: HTTPServer?
        /// Earlier generations of workers, some of which may still have clients.
        var older: [Proxy] = []
    }

    // MARK: Reload

    private func askToReload() {
        let thread = try? WorkerThread.start(name: "keyway-reload") { [self] in
            waitWhileStarting()
            _ = reload(mayMoveKeys: false)
        }
        if let thread { WorkerThread.detach(thread) }
    }

    /// Applies the config file as it is now, or changes nothing. What it finds is logged.
    ///
    /// - Parameter mayMoveKeys: a change that gives keys to other servers is not refused.
    /// - Returns: lines for people, and whether the config of the file is in use now.
    func reload(mayMoveKeys: Bool) -> (isApplied: Bool, lines: [String]) {
        reloading.withLock { _ in
            guard phase.withLock({ $0 == .serving }), let running = running.withLock({ $0 }) else {
                return refuse(["not while Keyway stops or is being succeeded"])
            }
            guard let file = job.configFile else { return refuse(["Keyway runs without a config file (-c)"]) }
            do {
                let settings = try Settings.read(file: file)
                let assembly = try Assembly(settings)
                let plan = ReloadPlan(from: running.settings, running.assembly, to: settings, assembly)
                if let reasons = reasonsToRefuse(plan, running, mayMoveKeys: mayMoveKeys) {
                    return refuse(reasons)
                }
                if plan.isEmpty {
                    log.notice("reload: \(file) changes nothing")
                    return (true, ["nothing changes"])
                }
                ServiceManager.tell("RELOADING=1")
                defer { ServiceManager.tell("READY=1") }
                try replace(running, settings, assembly, plan)
                for line in plan.lines { log.notice("reload: \(line)") }
                log.notice("reload: \(file) is in use")
                return (true, plan.lines)
            } catch {
                return refuse(["\(error)"])
            }
        }
    }

    private func refuse(_ reasons: [String]) -> (isApplied: Bool, lines: [String]) {
        for reason in reasons { log.error("reload: \(reason)") }
        log.error("reload: nothing has changed")
        return (false, reasons)
    }

    private func reasonsToRefuse(_ plan: ReloadPlan, _ running: Running, mayMoveKeys: Bool) -> [String]? {
        if !plan.refusals.isEmpty { return plan.refusals }
        let out = running.proxy.shardsOutOfRing
        if !out.isEmpty {
            return ["\(out.joined(separator: ", ")): out of the ring; reload when it is back, or after KEYWAY READMIT"]
        }
        guard plan.movesKeys, !mayMoveKeys else { return nil }
        let moving = plan.pools.filter { $0.movedPercent > 0 }
            .map { "pool \($0.name): \(ReloadPlan.percent($0.movedPercent)) of all keys would move to another server" }
        return moving + ["see `keyway plan`; `keyway reload --allow-remap` moves them"]
    }

    /// A new generation of workers takes the place of the one that runs: on the same sockets, and with its clients,
    /// each between two of its requests.
    private func replace(_ running: Running, _ settings: Settings, _ assembly: Assembly, _ plan: ReloadPlan) throws {
        var pools = poolOptions(assembly)
        for index in pools.indices { pools[index].backend.preconnects = true }
        var options = assembly.proxy
        options.clientDescriptorsMax = descriptorsForClients(assembly)
        let counters = Counters(layout: assembly.telemetry, following: running.counters)
        let proxy = Proxy(options: options, pools: pools, counters: counters, log: log, following: running.proxy)
        try proxy.start(inherited: InheritedSockets(try running.proxy.offer.listeners.map(Socket.duplicate)))
        proxy.waitUntilConnected(timeoutMs: Self.connectTimeoutMs)

        let (ours, theirs) = try DescriptorChannel.pair()
        let patience = Patience.lasting(
            gone: Set(plan.removed), moved: Set(plan.pools.filter(\.hasOtherServers).map(\.name)))
        let older = running.proxy
        self.running.withLock {
            $0 = Running(
                settings: settings, assembly: assembly, proxy: proxy, counters: counters, stats: running.stats,
                admin: running.admin, older: running.older + [older])
        }
        try takeOver(Handover(socket: theirs), proxy)
        let giver = try WorkerThread.start(name: "keyway-give") { [self] in
            do { try older.handOver(Handover(socket: ours), patience) } catch { log.error("reload: \(error)") }
            counters.earlierHaveEnded()
            self.running.withLock { running in running?.older.removeAll { $0 === older } }
        }
        WorkerThread.detach(giver)
        if job.options.verbosity == nil { sink.level = Verbosity.level(settings.process.logLevel) }
        sink.isJSON = settings.process.logsJSON
    }

    /// So long the servers may take to be there before the clients come; they come in any case.
    private static let connectTimeoutMs = 1_000

    // MARK: Succession

    /// Another process is to take this one's place. Not on this thread, which has to hear the next signal.
    private func askToHandOver() {
        let thread = try? WorkerThread.start(name: "keyway-succeed") { [self] in
            waitWhileStarting()
            let isServing = phase.withLock { phase in
                defer { if phase == .serving { phase = .leaving } }
                return phase == .serving
            }
            guard isServing else { return log.warning("SIGUSR2: not while Keyway stops or is being succeeded") }
            if let problem = handOver() {
                log.error("SIGUSR2: \(problem); this process goes on as before")
                phase.withLock { phase in if phase == .leaving { phase = .serving } }
            }
        }
        if let thread { WorkerThread.detach(thread) }
    }

    /// Whoever asks for something early gets it a moment later.
    private func waitWhileStarting() {
        while phase.withLock({ $0 == .starting }) { Clock.nap(microseconds: 10_000) }
    }

    /// - Returns: why there is no successor; nil when there is one and this process has nothing left to do.
    private func handOver() -> String? {
        guard let running = running.withLock({ $0 }) else { return "it has not started yet" }
        guard supervisors.isEmpty else {
            return "embedded servers end with their process, and their data with them; stop and start it instead"
        }
        // Clients of earlier generations go to nobody else any more.
        for older in running.older { older.drain() }
        for _ in 0..<100 where takeovers.load(ordering: .acquiring) > 0 { Clock.nap(microseconds: 10_000) }
        guard takeovers.load(ordering: .acquiring) == 0 else {
            return "clients are still being taken over from the process before; try again later"
        }
        log.notice("SIGUSR2: \(programPath) is started to take this process's place")
        let successor: Succession.Successor
        do { successor = try Succession.start(program: programPath) } catch { return "\(error)" }
        let offer = running.proxy.offer
        do {
            try successor.handover.offer(
                Handover.Greeting(version: keywayVersion, lastClientID: offer.lastClientID),
                listeners: offer.listeners)
            try successor.handover.waitUntilReady()
        } catch {
            return "process \(successor.processID) does not serve: \(error); \(successor.end())"
        }
        log.notice("process \(successor.processID) serves; it is given the clients")
        running.stats?.stop()
        running.admin?.stop()
        let ownedPIDFile = ownsPIDFile.exchange(false, ordering: .acquiringAndReleasing)
        do {
            try successor.handover.sayPortsAreFree()
            try successor.handover.waitUntilItServes()
        } catch {
            ownsPIDFile.store(ownedPIDFile, ordering: .releasing)
            return
                "process \(successor.processID) ended before it took over: \(error); \(successor.end()); the ports of "
                + "statistics and of the admin page stay closed until a new start"
        }
        do {
            try running.proxy.handOver(successor.handover, .untilDrained)
        } catch {
            log.error("process \(successor.processID): \(error)")
        }
        log.notice("process \(successor.processID) has all clients; this one ends")
        stopAsked.signal()
        return nil
    }

    /// In the newer process: the clients come, each when nothing of it is under way.
    private func takeOver(_ predecessor: Handover, _ proxy: Proxy) throws {
        takeovers.add(1, ordering: .relaxed)
        let thread = try WorkerThread.start(name: "keyway-inherit") { [self] in
            do {
                let count = try Proxy.takeOver(
                    predecessor, current: { running.withLock { $0?.proxy } ?? proxy }, log: log)
                log.notice("\(count) clients were taken over")
            } catch {
                log.error("\(error)")
            }
            takeovers.subtract(1, ordering: .releasing)
        }
        WorkerThread.detach(thread)
    }

    private func start() throws {
        log.notice(
            "keyway \(keywayVersion) starts as process \(getpid()) with \(job.assembly.proxy.workerCount) workers")
        for warning in job.settings.warnings { log.warning("\(warning)") }
        for line in job.options.withoutEffect { log.notice("\(line)") }
        var options = job.assembly.proxy
        options.clientDescriptorsMax = descriptorsForClients(job.assembly)

        let counters = Counters(layout: job.assembly.telemetry)
        let pools = try startShards()
        let predecessor = Succession.predecessor()
        let inherited = try predecessor?.accept()
        if let inherited { log.notice("keyway \(inherited.greeting.version) hands its sockets over") }
        let proxy = Proxy(
            options: options, pools: pools, counters: counters, log: log,
            traceLog: LogLine.logger(to: sink, isThrottled: false),
            lastClientID: inherited?.greeting.lastClientID ?? 0)
        try proxy.start(
            inherited: InheritedSockets(inherited?.listeners ?? ServiceManager.inheritedSockets()))
        try predecessor?.sayReady()
        try predecessor?.waitUntilPortsAreFree()
        let place = StatsPlace.chosen(job.options, configured: job.settings.process.statsListen)
        var stats: StatsServer?
        var admin: HTTPServer?
        do {
            stats = try place.map { try startStats($0, counters) }
            admin = try startAdmin(proxy, counters)
            // Last: whoever cannot start because another one runs must leave that one's file alone.
            try writePIDFile()
            running.withLock {
                $0 = Running(
                    settings: job.settings, assembly: job.assembly, proxy: proxy, counters: counters, stats: stats,
                    admin: admin)
            }
            try becomeServing()
            if let predecessor {
                try predecessor.sayItServes()
                try takeOver(predecessor, proxy)
            }
        } catch {
            proxy.drain()
            stats?.stop()
            admin?.stop()
            throw error
        }
        let lines = StartReport.lines(
            pools: job.assembly.pools, listening: proxy.listening, stats: place?.text, admin: adminText(admin))
        for line in lines { Terminal.say(line) }
        for (pool, place) in zip(job.assembly.pools, proxy.listening) {
            log.notice("pool \(pool.settings.name) listens on \(place)")
        }
    }

    private func becomeServing() throws {
        let isServing = phase.withLock { phase in
            if phase == .starting { phase = .serving }
            return phase == .serving
        }
        guard isServing else { throw Self.stoppedWhileStarting }
    }

    private static let stoppedWhileStarting = StartError(description: "stopped while starting")

    private func startShards() throws -> [PoolOptions] {
        for entry in supervisors {
            guard !isStopping else { throw Self.stoppedWhileStarting }
            let shards = try entry.supervisor.start()
            let name = job.assembly.pools[entry.pool].settings.name
            embeddedShards.withLock { $0[name] = shards }
        }
        return poolOptions(job.assembly)
    }

    private func poolOptions(_ assembly: Assembly) -> [PoolOptions] {
        let shards = embeddedShards.withLock { $0 }
        return assembly.pools.map { $0.options(shards: shards[$0.settings.name] ?? []) }
    }

    /// Of the generation of workers that is current when somebody asks.
    private func snapshot(_ counters: Counters) -> CounterSnapshot {
        (running.withLock { $0?.counters } ?? counters).snapshot()
    }

    private func startStats(_ place: StatsPlace, _ counters: Counters) throws -> StatsServer {
        let startedNs = Clock.nowNs()
        let source = Self.hostName()
        let server = StatsServer(host: place.host, port: place.port) { [self] in
            StatsJSON.render(
                snapshot(counters),
                header: StatsHeader(
                    source: source, version: keywayVersion,
                    uptimeSeconds: Int((Clock.nowNs() - startedNs) / 1_000_000_000), timestampSeconds: time(nil)))
        }
        try server.start()
        return server
    }

    private func startAdmin(_ proxy: Proxy, _ counters: Counters) throws -> HTTPServer? {
        let process = job.settings.process
        guard case .tcp(let host, let port)? = process.adminListen else { return nil }
        let first = AdminDoors.Generation(proxy: proxy, counters: counters, options: job.assembly.proxy)
        let doors = AdminDoors(
            current: { [self] in
                running.withLock { $0 }.map {
                    AdminDoors.Generation(proxy: $0.proxy, counters: $0.counters, options: $0.assembly.proxy)
                } ?? first
            }, sink: sink, startedAtMs: Clock.unixMs(), setLevel: { [self] in setLevel($0) },
            reload: { [self] in reload(mayMoveKeys: $0) })
        let server = AdminPort.make(
            host: host, port: port, hostNames: process.adminHosts, token: process.adminToken, source: doors.source)
        try server.start()
        return server
    }

    /// As a browser takes it.
    private func adminText(_ server: HTTPServer?) -> String? {
        guard let port = server?.port, case .tcp(let host, _)? = job.settings.process.adminListen else { return nil }
        return "http://\(StatsPlace(host: host, port: port).text)/"
    }

    /// Raises the limit, and says so when it is too low all the same.
    private func descriptorsForClients(_ assembly: Assembly) -> Int {
        let limit = WorkerThread.raiseDescriptorLimit()
        let needed = assembly.descriptorCount
        let left = max(1, limit - assembly.descriptorCountWithoutClients)
        guard limit < needed else { return left }
        log.warning(
            """
            at most \(limit) files and connections may be open, but maxclients (\(assembly.proxy.clientsMax)) and \
            the servers' connections need \(needed): from \(left) clients on, new ones wait; raise the hard limit \
            (ulimit -Hn, LimitNOFILE) or lower maxclients
            """)
        return left
    }

    private func stopSupervisors() {
        stoppingShards.withLock { _ in for entry in supervisors { entry.supervisor.stop() } }
    }

    /// Embedded servers do not outlive the process: the kernel ends them with it.
    private func endNow() -> Never {
        log.warning("ending at once: asked to stop a second time")
        removePIDFile()
        _exit(ExitStatus.endedAtOnce)
    }

    private func writePIDFile() throws {
        guard let path = job.options.pidFile else { return }
        if let problem = PIDFile(path: path).write() { throw StartError(description: problem) }
        ownsPIDFile.store(true, ordering: .releasing)
    }

    private func removePIDFile() {
        guard let path = job.options.pidFile, ownsPIDFile.exchange(false, ordering: .acquiringAndReleasing) else {
            return
        }
        PIDFile(path: path).remove()
    }

    private func reopenLog() {
        do {
            let isFile = try sink.reopen()
            log.notice(isFile ? "log file opened anew" : "nothing to open anew: the log is standard error")
        } catch {
            log.error("\(error); the old file stays in use")
        }
    }

    private func setLevel(_ level: Logger.Level) {
        sink.level = level
        // Past the level itself: going quieter should be seen, too.
        sink.write(.notice, "log level is now \(level)")
    }

    /// To people, wherever the log goes.
    private func report(failure: String) {
        log.critical("start failed: \(failure)")
        if sink.path != nil { Terminal.complain("keyway: start failed: \(failure)") }
    }

    private static func hostName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
