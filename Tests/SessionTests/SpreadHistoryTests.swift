// Clients read one hot key, which is copied to several servers, while it is written through Keyway and beside it, and
// lines stall, break and lie late. Each write makes the next version, so every read can be held against those that its
// client has seen, that were acknowledged before it was sent, and that are older than the lease.

import Platform
import Routing
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct SpreadHistoryTests {
    /// One client and what it is owed, in the order of its requests.
    private final class Reader {
        enum Owed {
            case read(floor: Int)
            case write(id: String)
        }
        let client: FakeClient
        var owed: [Owed] = []
        var seen = 0

        init(_ client: FakeClient) { self.client = client }
    }

    private final class Stage {
        let rig: EngineRig
        let key: String
        var random: SeededRandom
        var readers: [Reader] = []
        var version = 0
        /// What is acknowledged to anybody.
        var floor = 0
        var versionOf: [String: Int] = [:]
        /// When each version was made.
        var madeAtMs: [UInt64] = [0]
        var isTracked = false
        var readCount = 0
        private var writeCount = 0

        init(_ random: SeededRandom) throws {
            self.random = random
            rig = try spreadRig {
                $0.backend.timeoutMs = 2_000
                $0.backend.breaker.failureCountMax = 0
                $0.backend.breaker.errorPercentMax = 0
            }
            key = rig.key(on: 0)
            rig.backends[0].lie = { [unowned self] in answer($0) }
            write()
            readers = (0..<6).map { _ in Reader(rig.connect()) }
        }

        private var cover: LineRef? { rig.engine.poolViews.pointee.hot!.pointee.covers.pointee.line }

        private func answer(_ words: [String]) -> [UInt8]? {
            if words[0] == "DUMP" { isTracked = true }
            guard words[0] == "SET", words[1] == key else { return nil }
            write()
            versionOf[words[2]] = version
            return Array("+OK\r\n".utf8)
        }

        /// The server tells whom it has to tell, before it does anything else.
        private func write() {
            version += 1
            madeAtMs.append(rig.nowMs)
            rig.backends[0].store[key] = Array(String(version).utf8)
            guard isTracked, let cover, let connection = rig.connections[cover.pointee.descriptor] else { return }
            isTracked = false
            connection.output += Array(
                ">2\r\n$10\r\ninvalidate\r\n*1\r\n$\(key.utf8.count)\r\n\(key)\r\n".utf8)
        }

        // MARK: Steps

        func step() {
            switch Int.random(in: 0..<1_000, using: &random) {
            case 0..<700: ask()
            case 700..<710: write()
            case 710..<760: stallOne()
            case 760..<850: rig.unstall()
            case 850..<860: evict()
            case 860..<865: loseOne()
            default: rig.advance(ms: UInt64.random(in: 1...30, using: &random))
            }
            rig.settle()
            takeReplies()
        }

        private func ask() {
            let reader = readers.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                if Int.random(in: 0..<200, using: &random) == 0 {
                    writeCount += 1
                    reader.owed.append(.write(id: "w\(writeCount)"))
                    reader.client.pending += rig.request("SET", key, "w\(writeCount)")
                } else {
                    let old = madeAtMs.lastIndex { $0 + 100 < rig.nowMs } ?? 0
                    reader.owed.append(.read(floor: max(floor, old)))
                    let isCommon = Int.random(in: 0..<20, using: &random) == 0
                    reader.client.pending += isCommon ? rig.request("MGET", key) : rig.request("GET", key)
                }
            }
        }

        private var lines: [LineRef] { rig.connections.values.map(\.line).filter { $0.isReady } }

        private func stallOne() {
            if let line = lines.sorted(by: { $0.pointee.descriptor < $1.pointee.descriptor })
                .randomElement(using: &random)
            {
                rig.stall(line)
            }
        }

        private func loseOne() {
            guard
                let line = lines.sorted(by: { $0.pointee.descriptor < $1.pointee.descriptor })
                    .randomElement(using: &random)
            else { return }
            // The server forgets what it was to tell on that connection.
            if line == cover { isTracked = false }
            rig.lose(line)
        }

        private func evict() {
            let backend = rig.backends.randomElement(using: &random)!
            for name in backend.store.keys.sorted() where name.hasPrefix("__keyway:") { backend.store[name] = nil }
        }

        // MARK: Judgement

        func takeReplies() {
            for reader in readers {
                while let first = reader.owed.first, let (text, sizeBytes) = Self.reply(reader.client.got) {
                    reader.owed.removeFirst()
                    reader.client.got.removeFirst(sizeBytes)
                    judge(reader, first, text)
                }
            }
        }

        private func judge(_ reader: Reader, _ owed: Reader.Owed, _ text: String) {
            guard !text.hasPrefix("-") else { return }
            switch owed {
            case .write(let id):
                #expect(text == "+OK")
                reader.seen = max(reader.seen, versionOf[id]!)
                floor = max(floor, versionOf[id]!)
            case .read(let floor):
                let found = Int(text) ?? -1
                #expect(found >= reader.seen, "it went back, at \(rig.nowMs)")
                #expect(found >= floor, "older than what is due, at \(rig.nowMs)")
                reader.seen = max(reader.seen, found)
                readCount += 1
            }
        }

        /// The first reply: its value, or its line.
        private static func reply(_ bytes: [UInt8]) -> (String, Int)? {
            guard let end = bytes.firstIndex(of: 10) else { return nil }
            let line = String(decoding: bytes[..<(end - 1)], as: UTF8.self)
            switch line.first {
            case "*":
                guard let (text, sizeBytes) = reply(Array(bytes[(end + 1)...])) else { return nil }
                return (text, end + 1 + sizeBytes)
            case "$":
                let count = Int(line.dropFirst())!
                guard count >= 0 else { return (line, end + 1) }
                guard bytes.count >= end + 3 + count else { return nil }
                return (String(decoding: bytes[(end + 1)..<(end + 1 + count)], as: UTF8.self), end + 3 + count)
            default: return (line, end + 1)
            }
        }

        func makeHot() {
            for _ in 0..<20 { _ = rig.ask(readers[0].client, "GET", key) }
            readers[0].client.got = []
            for _ in 0..<2 {
                rig.advance(ms: 1_000)
                rig.engine.keepHouse()
                rig.settle()
            }
        }
    }

    @Test func noReadIsOlderThanPromised() throws {
        let random = SeededRandom.announced()
        var (readCount, spreadCount) = (0, 0)
        for round in 0..<20 {
            let stage = try Stage(random.stream(round))
            stage.makeHot()
            for _ in 0..<1_000 { stage.step() }
            stage.rig.unstall()
            for _ in 0..<300 { stage.rig.advance(ms: 10) }
            stage.takeReplies()
            #expect(stage.readers.allSatisfy { $0.owed.isEmpty }, "somebody waits still, in round \(round)")
            readCount += stage.readCount
            spreadCount += stage.rig.counters.snapshot().pools[0].values[.spreadReads]
        }
        #expect(spreadCount > readCount / 10, "\(spreadCount) of \(readCount) from copies prove nothing")
    }
}
