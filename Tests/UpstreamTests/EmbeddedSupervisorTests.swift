import Dispatch
import Foundation
import Glibc
import Logging
import Platform
import Synchronization
import Testing

@testable import Upstream

/// What the supervisor reported, to be waited for.
private final class Changes: Sendable {
    private let seen = Mutex<[EmbeddedChange]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func report(_ change: EmbeddedChange) {
        seen.withLock { $0.append(change) }
        arrived.signal()
    }

    /// The next change that nobody has taken; nil when none comes.
    func next(timeoutMs: Int = 30_000) -> EmbeddedChange? {
        guard arrived.wait(timeout: .now() + .milliseconds(timeoutMs)) == .success else { return nil }
        return seen.withLock { $0.removeFirst() }
    }
}

private func makeLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

private func ask(_ shard: EmbeddedShard, _ command: String) throws -> String {
    let deadlineNs = Clock.nowNs() + 5_000_000_000
    let address = try #require(SocketAddress(unixPath: shard.socketPath))
    let socket = try Socket.connect(to: address, deadlineNs: deadlineNs)
    defer { Socket.close(socket) }
    try #require(Socket.send(socket, all: Array("\(command)\r\n".utf8), deadlineNs: deadlineNs))
    let reply = try #require(Socket.receive(socket, countMax: 4_096, deadlineNs: deadlineNs))
    return String(decoding: reply, as: UTF8.self)
}

private func withDirectory(_ body: (String) throws -> Void) throws {
    let path = try TemporaryDirectory.create(in: "/tmp", prefix: "keyway-test-")
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
}

private let environment = ProcessInfo.processInfo.environment
private let hasServer = (try? EmbeddedBinary.find(named: nil, environment: environment)) != nil
private let mayRun = hasServer || environment["KEYWAY_TEST_REQUIRE_SERVERS"] == "1"

@Suite(.enabled(if: mayRun, "no valkey-server or redis-server found: run `make setup`"))
struct EmbeddedSupervisorTests {
    @Test func allServersAnswerOnceStartHasReturnedAndNothingIsLeftAfterStop() throws {
        let changes = Changes()
        let supervisor = EmbeddedSupervisor(
            options: EmbeddedOptions(shardCount: 3, memoryBytes: 8 << 20, eviction: "allkeys-lfu"), log: makeLogger(),
            onChange: changes.report)
        let shards = try supervisor.start()
        #expect(shards.map(\.name) == ["shard-0", "shard-1", "shard-2"])
        #expect(try ask(shards[0], "SET k 0") == "+OK\r\n")
        #expect(try ask(shards[1], "EXISTS k") == ":0\r\n", "two shards are one server")
        #expect(try ask(shards[2], "CONFIG GET maxmemory").contains("\r\n8388608\r\n"))
        #expect(try ask(shards[2], "CONFIG GET maxmemory-policy").contains("\r\nallkeys-lfu\r\n"))
        #expect(try ask(shards[2], "CONFIG GET port").contains("\r\n0\r\n"))

        let directory = URL(fileURLWithPath: shards[0].socketPath).deletingLastPathComponent().path
        let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
        #expect(mode == 0o700)
        #expect(shards.allSatisfy { $0.socketPath.utf8.count < 104 })
        supervisor.stop()
        #expect(!FileManager.default.fileExists(atPath: directory))
        for _ in 0..<3 {
            guard case .running(_, let processID) = changes.next() else {
                Issue.record("a server that never ran")
                continue
            }
            #expect(kill(processID, 0) == -1, "process \(processID) is still there")
        }
        supervisor.stop()
    }

    @Test func aKilledServerComesBackOnTheSameSocketAndTheOthersNeverNotice() throws {
        let changes = Changes()
        let supervisor = EmbeddedSupervisor(
            options: EmbeddedOptions(shardCount: 2), log: makeLogger(), onChange: changes.report)
        let shards = try supervisor.start()
        defer { supervisor.stop() }
        guard case .running(0, let first) = changes.next(), case .running(1, _) = changes.next() else {
            Issue.record("not both servers ran")
            return
        }
        #expect(try ask(shards[1], "SET k 1") == "+OK\r\n")
        kill(first, SIGKILL)
        guard case .died(0, "signal 9", let delayMs) = changes.next() else {
            Issue.record("the death was not noticed")
            return
        }
        #expect((50...100).contains(delayMs))
        guard case .running(0, let second) = changes.next() else {
            Issue.record("the server did not come back")
            return
        }
        #expect(second != first)
        #expect(try ask(shards[0], "PING") == "+PONG\r\n")
        #expect(try ask(shards[1], "EXISTS k") == ":1\r\n")
    }

    @Test(arguments: [EmbeddedOptions.Persistence.snapshot, .append])
    func dataInADirectoryOfTheUserOutlivesTheRun(persistence: EmbeddedOptions.Persistence) throws {
        try withDirectory { directory in
            let options = EmbeddedOptions(shardCount: 2, persistence: persistence, directory: directory + "/new/data")
            for run in 0..<2 {
                let supervisor = EmbeddedSupervisor(options: options, log: makeLogger())
                let shards = try supervisor.start()
                defer { supervisor.stop() }
                #expect(shards[1].socketPath == "\(directory)/new/data/shard-1.sock")
                #expect(try ask(shards[1], "EXISTS k") == ":\(run)\r\n")
                #expect(try ask(shards[1], "SET k v") == "+OK\r\n")
            }
        }
    }

    @Test func aSocketLeftByAKilledRunIsNoObstacle() throws {
        try withDirectory { directory in
            let address = try #require(SocketAddress(unixPath: "\(directory)/shard-0.sock"))
            Socket.close(try Socket.listen(on: address, backlog: 1, sharesPort: false))
            #expect(FileManager.default.fileExists(atPath: "\(directory)/shard-0.sock"))
            let supervisor = EmbeddedSupervisor(
                options: EmbeddedOptions(shardCount: 1, directory: directory), log: makeLogger())
            let shards = try supervisor.start()
            defer { supervisor.stop() }
            #expect(try ask(shards[0], "PING") == "+PONG\r\n")
        }
    }

    @Test func aDirectoryThatAnotherKeywayUsesIsRefused() throws {
        try withDirectory { directory in
            let options = EmbeddedOptions(shardCount: 1, directory: directory)
            let first = EmbeddedSupervisor(options: options, log: makeLogger())
            let shards = try first.start()
            defer { first.stop() }
            let second = EmbeddedSupervisor(options: options, log: makeLogger())
            let error = #expect(throws: EmbeddedError.self) { try second.start() }
            #expect(error?.description.contains("another Keyway uses \(directory)") == true)
            #expect(try ask(shards[0], "PING") == "+PONG\r\n", "the refused one harmed the first")
        }
    }

    @Test func aServerThatRefusesItsConfigurationIsAnErrorInItsOwnWords() throws {
        let supervisor = EmbeddedSupervisor(
            options: EmbeddedOptions(shardCount: 2, eviction: "no-such-policy"), log: makeLogger())
        let error = #expect(throws: EmbeddedError.self) { try supervisor.start() }
        let text = try #require(error?.description)
        #expect(text.contains("shard-0") && text.contains("exit code 1") && text.contains("no-such-policy"), "\(text)")
    }
}

@Suite struct EmbeddedSupervisorRefusalTests {
    private func startError(_ options: EmbeddedOptions) throws -> String {
        let supervisor = EmbeddedSupervisor(options: options, log: makeLogger())
        return try #require(throws: EmbeddedError.self) { try supervisor.start() }.description
    }

    @Test func persistenceInATemporaryDirectoryIsRefused() throws {
        let text = try startError(EmbeddedOptions(shardCount: 1, persistence: .append, binary: "/bin/true"))
        #expect(text.contains("give a directory"))
    }

    @Test func aDirectoryTooLongForASocketIsRefusedWithTheLimit() throws {
        try withDirectory { directory in
            let long = directory + "/" + String(repeating: "d", count: 100)
            let text = try startError(EmbeddedOptions(shardCount: 1, directory: long, binary: "/bin/true"))
            #expect(text.contains("the limit is 103"))
        }
    }

    @Test func aProgramThatEndsAtOnceIsReportedAtOnce() throws {
        let text = try startError(EmbeddedOptions(shardCount: 1, binary: "/bin/false"))
        #expect(text.contains("exit code 1") && text.contains("its log is empty"), "\(text)")
    }

    @Test func stopWithoutStartIsHarmless() {
        EmbeddedSupervisor(options: EmbeddedOptions(shardCount: 1), log: makeLogger()).stop()
    }
}
