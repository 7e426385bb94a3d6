// EmbeddedCrew: the embedded servers as child processes, and their directory.
// Lives on the supervisor's thread and nowhere else. Every call returns soon; only starting and stopping wait.
// Not here: that thread (EmbeddedSupervisor).

import Foundation
import Glibc
import Logging
import Platform

struct EmbeddedCrew {
    /// How long a server may take to answer its first PING. One that says it is loading its data may take any time.
    static let startTimeoutMs = 30_000
    private static let pingTimeoutMs = 1_000
    private static let tickMs = 100
    private static let startTickMs = 5
    /// How much of a log an error shows.
    private static let logTailLineCount = 5
    private static let logTailSizeBytes = 2_048

    private struct Member {
        enum State {
            /// Runs, has not answered yet. The deadline moves while it loads its data.
            case starting(ChildProcess, startedNs: UInt64, deadlineNs: UInt64)
            case running(ChildProcess, startedNs: UInt64)
            case waiting(untilNs: UInt64)
        }

        let server: EmbeddedServer
        var state: State
        var policy = RestartPolicy()
        /// Where in its log the present run begins.
        var logStart: UInt64 = 0
    }

    private enum Answer {
        case pong, loading, silence
    }

    private let binary: String
    private let directory: String
    private let isTemporary: Bool
    private let environment: [String: String]
    private let log: Logger
    private let onChange: (EmbeddedChange) -> Void
    private var members: [Member]

    /// Finds the program and makes the directory; starts nothing.
    init(
        options: EmbeddedOptions, environment: [String: String], log: Logger,
        onChange: @escaping (EmbeddedChange) -> Void
    ) throws(EmbeddedError) {
        binary = try EmbeddedBinary.find(named: options.binary, environment: environment)
        isTemporary = options.directory == nil
        if let asked = options.directory {
            directory = URL(fileURLWithPath: asked).standardizedFileURL.path
        } else {
            guard options.persistence == .none else {
                throw EmbeddedError(
                    description: "embedded servers: persistence \(options.persistence.rawValue) without directory: "
                        + "would be lost with the temporary directory; give a directory, or use persistence none")
            }
            directory = try Self.makeTemporaryDirectory(environment: environment)
        }
        self.environment = environment
        self.log = log
        self.onChange = onChange
        let (directory, now) = (self.directory, Clock.nowNs())
        members = (0..<options.shardCount).map {
            Member(
                server: EmbeddedServer(index: $0, directory: directory, options: options),
                state: .waiting(untilNs: now))
        }
    }

    var shards: [EmbeddedShard] { members.map(\.server.shard) }

    /// How long to wait until the next `lookAfter()`.
    var tickMs: Int {
        let isStarting = members.contains {
            if case .starting = $0.state { true } else { false }
        }
        return isStarting ? Self.startTickMs : Self.tickMs
    }

    // MARK: Starting

    /// Starts all and waits until all answer. On an error some may run: `stopAll` ends them.
    mutating func startAll(isCancelled: () -> Bool) throws(EmbeddedError) {
        let sizeBytes = members.map { $0.server.shard.socketPath.utf8.count }.max() ?? 0
        guard sizeBytes <= EmbeddedServer.socketPathSizeMax else {
            throw EmbeddedError(
                description: "embedded servers: directory \(directory): a socket's path in it has \(sizeBytes) bytes, "
                    + "the limit is \(EmbeddedServer.socketPathSizeMax); use a directory with a shorter path")
        }
        for index in members.indices {
            let server = members[index].server
            makeDirectory(server.dataDirectory)
            if answer(of: server, timeoutMs: Self.pingTimeoutMs) != .silence {
                throw EmbeddedError(
                    description: "embedded servers: \(server.shard.socketPath) already answers: another Keyway uses "
                        + "\(directory); stop it, or give this one another directory")
            }
            do {
                try startOne(index)
            } catch {
                throw EmbeddedError(description: "embedded servers: \(server.name): \(error)")
            }
        }
        for index in members.indices {
            while case .starting(let child, _, let deadlineNs) = members[index].state {
                let end = child.reap().map { "ended with \($0)" }
                let isLate = Clock.nowNs() >= deadlineNs
                if let problem = end ?? (isLate ? "did not answer within \(Self.startTimeoutMs) ms" : nil) {
                    throw EmbeddedError(description: startError(index, problem))
                }
                if isCancelled() {
                    throw EmbeddedError(description: "embedded servers: stopped before they had started")
                }
                greet(index)
                if case .starting = members[index].state { Clock.nap(microseconds: Self.startTickMs * 1_000) }
            }
        }
    }

    private mutating func startOne(_ index: Int) throws(SystemError) {
        let server = members[index].server
        // Left by a run that was killed; a server would refuse to bind to it.
        try? FileManager.default.removeItem(atPath: server.shard.socketPath)
        if !FileManager.default.fileExists(atPath: server.logPath) {
            _ = FileManager.default.createFile(
                atPath: server.logPath, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        let logFile = FileHandle(forWritingAtPath: server.logPath)
        members[index].logStart = (try? logFile?.seekToEnd()) ?? 0
        defer { try? logFile?.close() }
        let child = try ChildProcess.start(
            path: binary, arguments: server.arguments, environment: environment,
            logDescriptor: logFile?.fileDescriptor)
        let nowNs = Clock.nowNs()
        members[index].state = .starting(
            child, startedNs: nowNs, deadlineNs: nowNs + UInt64(Self.startTimeoutMs) * 1_000_000)
    }

    /// Asks a starting server whether it is there.
    private mutating func greet(_ index: Int) {
        guard case .starting(let child, let startedNs, _) = members[index].state else { return }
        let server = members[index].server
        switch answer(of: server, timeoutMs: Self.pingTimeoutMs) {
        case .silence: break
        case .loading:
            let deadlineNs = Clock.nowNs() + UInt64(Self.startTimeoutMs) * 1_000_000
            members[index].state = .starting(child, startedNs: startedNs, deadlineNs: deadlineNs)
        case .pong:
            members[index].state = .running(child, startedNs: startedNs)
            log.info("\(server.name): running as process \(child.processID) on \(server.shard.socketPath)")
            onChange(.running(shard: index, processID: child.processID))
        }
    }

    private func answer(of server: EmbeddedServer, timeoutMs: Int) -> Answer {
        let deadlineNs = Clock.nowNs() + UInt64(timeoutMs) * 1_000_000
        guard let address = SocketAddress(unixPath: server.shard.socketPath),
            let socket = try? Socket.connect(to: address, deadlineNs: deadlineNs)
        else { return .silence }
        defer { Socket.close(socket) }
        guard Socket.send(socket, all: Array("PING\r\n".utf8), deadlineNs: deadlineNs),
            let reply = Socket.receive(socket, countMax: 512, deadlineNs: deadlineNs)
        else { return .silence }
        if reply.starts(with: "+PONG".utf8) { return .pong }
        return reply.starts(with: "-LOADING".utf8) ? .loading : .silence
    }

    // MARK: Looking after

    /// Takes in what has ended, starts what is due, greets what is starting.
    mutating func lookAfter() {
        for index in members.indices {
            switch members[index].state {
            case .running(let child, let startedNs):
                if let exit = child.reap() { died(index, "\(exit)", startedNs: startedNs) }
            case .starting(let child, let startedNs, let deadlineNs):
                if let exit = child.reap() {
                    died(index, "\(exit)", startedNs: startedNs)
                } else if Clock.nowNs() >= deadlineNs {
                    child.terminate(graceMs: 0)
                    died(index, "no answer within \(Self.startTimeoutMs) ms", startedNs: Clock.nowNs())
                } else {
                    greet(index)
                }
            case .waiting(let untilNs):
                guard Clock.nowNs() >= untilNs else { continue }
                do {
                    try startOne(index)
                } catch {
                    died(index, "\(error)", startedNs: Clock.nowNs())
                }
            }
        }
    }

    private mutating func died(_ index: Int, _ reason: String, startedNs: UInt64) {
        let nowNs = Clock.nowNs()
        let delayMs = members[index].policy.delayMs(
            afterUptimeMs: Int((nowNs - startedNs) / 1_000_000), random: .random(in: 0 ... .max))
        members[index].state = .waiting(untilNs: nowNs + UInt64(delayMs) * 1_000_000)
        let server = members[index].server
        log.error(
            """
            \(server.name): ended (\(reason)), \(members[index].policy.deathCount) in a row; \
            starting it again in \(delayMs) ms; see \(server.logPath)
            """
        )
        onChange(.died(shard: index, reason: reason, restartInMs: delayMs))
    }

    // MARK: Stopping

    /// Asks all to end, kills after `graceMs` what has not, and removes a directory of our own.
    mutating func stopAll(graceMs: Int) {
        let started: [(child: ChildProcess, server: EmbeddedServer)] = members.compactMap { member in
            switch member.state {
            case .starting(let child, _, _), .running(let child, _): (child, member.server)
            case .waiting: nil
            }
        }
        for (child, _) in started { child.askToEnd() }
        let deadlineNs = Clock.nowNs() + UInt64(graceMs) * 1_000_000
        for (child, server) in started {
            let nowNs = Clock.nowNs()
            let leftMs = deadlineNs > nowNs ? Int((deadlineNs - nowNs) / 1_000_000) : 0
            if child.terminate(graceMs: leftMs) == .killed(signal: SIGKILL) {
                log.warning("\(server.name): did not end within \(graceMs) ms and was killed")
            }
            // Only of servers of ours: in a directory that was refused, the sockets are somebody else's.
            try? FileManager.default.removeItem(atPath: server.shard.socketPath)
        }
        if !started.isEmpty { log.info("embedded servers: all \(started.count) have ended") }
        if isTemporary { try? FileManager.default.removeItem(atPath: directory) }
    }

    // MARK: Files

    private static func makeTemporaryDirectory(environment: [String: String]) throws(EmbeddedError) -> String {
        if let parent = environment["XDG_RUNTIME_DIR"], parent.hasPrefix("/"), parent.utf8.count <= 64,
            let directory = try? TemporaryDirectory.create(in: parent, prefix: "keyway-")
        {
            return directory
        }
        do {
            return try TemporaryDirectory.create(in: "/tmp", prefix: "keyway-")
        } catch {
            throw EmbeddedError(description: "embedded servers: \(error); give a directory that this user may write to")
        }
    }

    /// A failure shows when the server is started, in the server's own words.
    private func makeDirectory(_ path: String) {
        try? FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    private func startError(_ index: Int, _ problem: String) -> String {
        let server = members[index].server
        var text = "embedded servers: \(server.name) (\(binary)) \(problem)"
        if let file = FileHandle(forReadingAtPath: server.logPath) {
            let end = (try? file.seekToEnd()) ?? 0
            let tailStart = end > UInt64(Self.logTailSizeBytes) ? end - UInt64(Self.logTailSizeBytes) : 0
            try? file.seek(toOffset: max(members[index].logStart, tailStart))
            let tail = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
            let lines = tail.split(whereSeparator: \.isNewline).suffix(Self.logTailLineCount)
            text += lines.isEmpty ? "; its log is empty" : "; the end of its log:\n  " + lines.joined(separator: "\n  ")
            try? file.close()
        }
        return text
    }
}
