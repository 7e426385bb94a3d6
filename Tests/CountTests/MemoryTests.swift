// MemoryTests: what an idle client may cost in resident memory, and that memory goes back after a burst.
// Sizes, not times: what is due to go back is waited for.

import Foundation
import Glibc
import TestKit
import Testing

extension CountTests {
    @Suite(.serialized, .enabled(if: areWanted)) struct MemoryTests {
        static let rows = [
            Thresholds.Row(workload: "start", counter: "resident-bytes"),
            Thresholds.Row(workload: "idle-clients", counter: "resident-bytes-per-client"),
            Thresholds.Row(workload: "idle-clients-after-get", counter: "resident-bytes-per-client"),
            Thresholds.Row(workload: "after-64k-burst", counter: "resident-bytes-growth"),
            Thresholds.Row(workload: "after-1m-burst", counter: "resident-bytes-growth"),
        ]
        private static let clientsWanted = 10_000
        private static let clientsMin = 3_000
        private static let clientsBefore = 1_000
        /// For everything else that the test process, or keyway, has open.
        private static let descriptorsSpared = 500

        /// The limit of open files, raised as far as it goes, for this process and those it starts.
        private static let openFileLimit: Int = {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return Int(min(limit.rlim_max, 1 << 20))
        }()

        private static let get = CountLoad(
            name: "get", command: .get, clients: 50, pipeline: 1, rounds: 1, isInLockStep: false)

        private func expectAtMost(_ row: Thresholds.Row, _ measured: Int) throws {
            let limit = try Thresholds.read.get().atMost(row.workload, row.counter)
            say("count \(row.workload),\(row.counter): \(measured), at most \(Int(limit))")
            #expect(Double(measured) <= limit, "\(row.workload): \(measured) \(row.counter); see \(Thresholds.path)")
        }

        /// The size once it has gone down to the row's limit, or where it stays.
        private func settled(_ row: Thresholds.Row, _ size: () -> Int) throws -> Int {
            let limit = try Thresholds.read.get().atMost(row.workload, row.counter)
            try? eventually("memory goes back") { Double(size()) <= limit }
            return size()
        }

        @Test func aStartedKeywayIsSmall() throws {
            let stage = try Stage(value: [])
            // It serves a moment before it has given back what starting up touched.
            let size = try settled(Self.rows[0]) { stage.keyway.process.mappedResidentBytes }
            try expectAtMost(Self.rows[0], size)
        }

        /// Goal: an idle client holds no buffer, whether it has ever asked for something or not.
        /// Method: thousands of them, before and after each has done one GET.
        @Test func anIdleClientCostsItsStructAndNothingElse() throws {
            let all = min(Self.clientsWanted, Self.openFileLimit - Self.descriptorsSpared)
            guard all >= Self.clientsMin else {
                say("SKIPPED: \(Self.openFileLimit) open files are too few for \(Self.clientsMin) clients; ulimit -n")
                if Servers.areRequired { Issue.record("the limit of open files is \(Self.openFileLimit)") }
                return
            }
            let stage = try Stage(value: Self.get.value)
            let process = stage.keyway.process
            // Code that runs for the first time becomes resident, too; so the first clients do not count.
            try stage.connect(Self.get.clients)
            try stage.connectIdle(Self.clientsBefore)
            try stage.useIdle(Self.get)
            let before = process.mappedResidentBytes
            let count = all - Self.clientsBefore
            try stage.connectIdle(count)
            try expectAtMost(Self.rows[1], settled(Self.rows[1]) { (process.mappedResidentBytes - before) / count })
            try stage.useIdle(Self.get)
            try expectAtMost(Self.rows[2], settled(Self.rows[2]) { (process.mappedResidentBytes - before) / count })
        }

        @Test(arguments: [(3, 1 << 16), (4, 1 << 20)])
        func memoryGoesBackAfterABurst(_ rowIndex: Int, _ valueBytes: Int) throws {
            let value = [UInt8](repeating: UInt8(ascii: "v"), count: valueBytes)
            let stage = try Stage(value: value)
            let process = stage.keyway.process
            func burst(_ command: CountLoad.Command, clients: Int, pipeline: Int, rounds: Int) throws {
                let load = CountLoad(
                    name: "burst", command: command, clients: clients, pipeline: pipeline, valueBytes: valueBytes,
                    rounds: rounds, isInLockStep: false)
                for _ in 0..<rounds { try stage.round(load) }
            }
            try stage.connect(1)
            try burst(.set, clients: 1, pipeline: 1, rounds: 4)
            try burst(.get, clients: 1, pipeline: 1, rounds: 4)
            let before = process.mappedResidentBytes
            process.resetPeak()
            try stage.connect(39)
            try burst(.set, clients: 40, pipeline: 4, rounds: 2)
            try burst(.get, clients: 40, pipeline: 4, rounds: 2)
            let row = Self.rows[rowIndex]
            say("count \(row.workload): a peak of \((process.peakResidentBytes - before) >> 10) KiB above before")
            try expectAtMost(row, settled(row) { process.mappedResidentBytes - before })
        }
    }
}
