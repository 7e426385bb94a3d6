import Histogram
import TestKit
import Testing

@testable import keyway_bench

/// The load against a real server; skipped where there is none (see TestKit's Servers).
struct PhaseOverServerTests {
    @Test(arguments: Servers.newest)
    func everyRequestOfTheCountIsAnswered(_ server: Server) throws {
        let process = try ServerProcess(server)
        for (clients, threads, pipeline) in [(1, 1, 1), (50, 2, 1), (7, 3, 16)] {
            let result = try PhaseRig.run(process, mix: "get=3,set=1,mget=1,incr=1") {
                $0.clientCount = clients
                $0.threadCount = threads
                $0.pipeline = pipeline
                $0.window = .requests(5000)
            }
            #expect(result.requestCount == 5000 && result.errors.isEmpty)
            #expect(result.operations.reduce(0) { $0 + $1.count } == 5000)
            #expect(result.processes.map(\.pid) == [process.pid] && result.loadCPUNs > 0)
            #expect(result.sentBytes > 0 && result.receivedBytes > 0)
        }
    }

    @Test(arguments: Servers.newest, [2, 3])
    func aVerifiedRunOverAUnixSocketFindsNothing(_ server: Server, _ version: Int) throws {
        let process = try ServerProcess(server, unixSocket: true)
        let result = try PhaseRig.run(process, mix: "get=5,set=4,mget=1") {
            $0.isVerified = true
            $0.fills = true
            $0.clientCount = 10
            $0.threadCount = 2
            $0.pipeline = 8
            $0.greeting.protocolVersion = version
            $0.window = .requests(20_000)
        }
        #expect(result.errors.isEmpty && result.complaints.isEmpty, "\(result.errors)")
        #expect(result.requestCount == 20_000 && result.verifiedCount == 20_000)
        #expect(result.operations.allSatisfy { $0.missCount == 0 })
    }

    @Test(arguments: Servers.newest, [2, 3])
    func passwordAndDatabase(_ server: Server, _ version: Int) throws {
        let process = try ServerProcess(server)
        _ = try process.connect().command("CONFIG", "SET", "requirepass", "open sesame")
        let result = try PhaseRig.run(process, mix: "set=1") {
            $0.greeting = Greeting(protocolVersion: version, user: "default", password: "open sesame", database: 5)
        }
        #expect(result.requestCount == 40 && result.errors.isEmpty)
        let connection = try process.connect()
        _ = try connection.command("AUTH", "open sesame")
        guard case .bulk(let info) = try connection.command("INFO", "keyspace") else {
            Issue.record("INFO gave no text")
            return
        }
        #expect(String(decoding: info, as: UTF8.self).contains("db5:"))
        let error = #expect(throws: LoadError.self) {
            try PhaseRig.run(process) { $0.greeting.protocolVersion = version }
        }
        #expect(error?.description.contains("NOAUTH") == true)
    }

    @Test(arguments: Servers.newest, [2, 3])
    func everyMessageReachesItsSubscribers(_ server: Server, _ version: Int) throws {
        let process = try ServerProcess(server)
        let result = try PhaseRig.publish(process) {
            $0.clientCount = 3
            $0.threadCount = 2
            $0.pipeline = 4
            $0.greeting.protocolVersion = version
            $0.window = .requests(999)
            $0.pubSub?.channelCount = 3
            $0.pubSub?.subscriberCount = 7
        }
        #expect(result.requestCount == 999)
        #expect(result.errors.isEmpty, "\(result.errors)")
        let counts = Dictionary(uniqueKeysWithValues: result.operations.map { ($0.name, $0.count) })
        #expect(counts["publish"] == 999)
        // Channels 0, 1 and 2 have three, two and two subscribers.
        #expect((999 * 2...999 * 3).contains(counts["deliver"] ?? 0))
    }

    @Test(arguments: Servers.newest)
    func aServerThatIsKilledAndComesBackCostsErrorsOnly(_ server: Server) throws {
        let process = try ServerProcess(server)
        let interruption = Interruption(bell: try Bell())
        let work = BackgroundWork(1) { _ in
            let connection = try process.connect()
            try eventually("keys are written") { try connection.command("DBSIZE") != .integer(0) }
            process.kill()
            try process.restart()
            let second = try process.connect()
            try eventually("keys are written again") { try second.command("DBSIZE") != .integer(0) }
            interruption.raise()
        }
        let result = try PhaseRig.run(process, mix: "set=1", interruption: interruption) {
            $0.clientCount = 5
            $0.window = .duration(ns: 60_000_000_000)
        }
        _ = try work.results()
        #expect(result.isCutShort && result.requestCount > 0)
        #expect(result.errorCount("lost") > 0)
        #expect(!result.complaints.isEmpty, "its process has ended in the window")
    }
}
