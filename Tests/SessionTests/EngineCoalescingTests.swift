// Equal reads of many clients are sent once, and everybody has the reply.

import Foundation
import Platform
import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineCoalescingTests {
    private func rig(
        _ mode: CoalesceMode = .tick, shardCount: Int = 1, _ change: @escaping (inout PoolOptions) -> Void = { _ in }
    ) throws -> EngineRig {
        try EngineRig(
            shardCount: shardCount,
            pool: {
                $0.coalescing = mode
                change(&$0)
            })
    }

    private func joined(_ rig: EngineRig) -> Int { rig.counters.snapshot().pools[0].values[.coalescedReads] }

    /// The clients' bytes come in one turn of the loop.
    private func askTogether(_ rig: EngineRig, _ clients: [FakeClient], _ words: String...) {
        for client in clients {
            client.got = []
            client.pending += rig.request(words.map { Array($0.utf8) })
        }
        rig.settle()
    }

    private func isAtRest(_ rig: EngineRig) -> Bool { rig.engine.unansweredCount == 0 }

    @Test func aThousandClientsAskOnce() throws {
        let rig = try rig()
        rig.backends[0].store["k"] = Array("v".utf8)
        let clients = (0..<1_000).map { _ in rig.connect() }
        for _ in 0..<3 {
            rig.backends[0].seen = []
            askTogether(rig, clients, "GET", "k")
            #expect(rig.backends[0].seen.count { $0 == ["GET", "k"] } == 1)
            #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" })
        }
        #expect(joined(rig) == 3 * 999 && isAtRest(rig))
        #expect(clients.allSatisfy { $0.ref.pointee.slots == nil }, "idle clients own nothing")
    }

    @Test func nothingIsJoinedWhereThePoolSaysSo() throws {
        let rig = try rig(.off)
        askTogether(rig, (0..<3).map { _ in rig.connect() }, "GET", "k")
        #expect(rig.backends[0].seen.count { $0 == ["GET", "k"] } == 3 && rig.engine.recentReads == nil)
    }

    @Test func onlyWhatIsEqualIsJoined() throws {
        let rig = try rig()
        let clients = (0..<6).map { _ in rig.connect() }
        #expect(rig.ask(clients[4], "HELLO", "3").hasPrefix("%"))
        #expect(rig.ask(clients[5], "SELECT", "2") == "+OK\r\n")
        rig.backends[0].seen = []
        let requests = [["GET", "k"], ["get", "k"], ["GET", "l"], ["STRLEN", "k"], ["GET", "k"], ["GET", "k"]]
        for (client, words) in zip(clients, requests) { client.pending += rig.request(words.map { Array($0.utf8) }) }
        rig.settle()
        #expect(rig.backends[0].seen.count { requests.contains($0) } == 6 && joined(rig) == 0)
    }

    @Test(arguments: [["TTL", "k"], ["SMEMBERS", "k"], ["SRANDMEMBER", "k"], ["GETDEL", "k"], ["INCR", "k"]])
    func whatMayAnswerDifferentlyIsAskedEachTime(words: [String]) throws {
        let rig = try rig(.inflight)
        let clients = (0..<3).map { _ in rig.connect() }
        for client in clients { client.pending += rig.request(words.map { Array($0.utf8) }) }
        rig.settle()
        #expect(rig.backends[0].seen.count { $0 == words } == 3 && joined(rig) == 0)
    }

    @Test func aLongRequestIsSentByItself() throws {
        let rig = try rig()
        let name = String(repeating: "k", count: RecentReads.requestBytesMax)
        askTogether(rig, (0..<2).map { _ in rig.connect() }, "GET", name)
        #expect(rig.backends[0].seen.count { $0[0] == "GET" } == 2)
    }

    @Test func aTickEndsWhatCanBeJoinedAndInflightDoesNot() throws {
        for mode in [CoalesceMode.tick, .inflight] {
            let rig = try rig(mode)
            rig.backends[0].store["k"] = Array("v".utf8)
            let clients = (0..<3).map { _ in rig.connect() }
            _ = rig.ask(clients[0], "PING")
            rig.backends[0].isFrozen = true
            for client in clients { rig.send(client, rig.request("GET", "k")) }
            rig.backends[0].seen = []
            rig.thaw(0)
            #expect(rig.backends[0].seen.count { $0 == ["GET", "k"] } == (mode == .tick ? 3 : 1))
            #expect(clients.suffix(2).allSatisfy { $0.text == "$1\r\nv\r\n" } && isAtRest(rig))
        }
    }

    /// Goal: a client reads what it has written, and then nothing older.
    @Test func aClientReadsBehindItsOwnRequests() throws {
        let rig = try rig()
        let (first, second) = (rig.connect(), rig.connect())
        _ = rig.ask(first, "SET", "k", "old")
        first.pending += rig.request("GET", "k")
        second.pending += rig.request("SET", "k", "new") + rig.request("GET", "k") + rig.request("GET", "k")
        first.got = []
        rig.settle()
        #expect(first.text == "$3\r\nold\r\n" && second.text == "+OK\r\n$3\r\nnew\r\n$3\r\nnew\r\n")
        #expect(joined(rig) == 1, "the last one joins the one before")
    }

    @Test func inflightIsNotJoinedAcrossAnAnswerFromAnotherLine() throws {
        let rig = try rig(.inflight)
        let (first, second) = (rig.connect(), rig.connect())
        _ = rig.ask(first, "SET", "k", "old")
        first.got = []
        // Executed, and its reply is on its way.
        let line = rig.engine.pools[0].shards[0].lines[0]
        rig.backends[0].lie = { $0 == ["GET", "k"] ? [] : nil }
        rig.send(first, rig.request("GET", "k"))
        rig.backends[0].lie = nil
        let value = [UInt8](repeating: 120, count: 200_000)
        rig.send(second, rig.request([Array("SET".utf8), Array("k".utf8), value]))
        #expect(second.text == "+OK\r\n", "over a connection of its own")
        second.got = []
        rig.backends[0].isFrozen = true
        rig.send(second, rig.request("GET", "k"))
        rig.reply(line, "$3\r\nold\r\n")
        #expect(second.text == "")
        rig.thaw(0)
        #expect(first.text == "$3\r\nold\r\n" && second.got.count > 200_000 && joined(rig) == 0)
    }

    // MARK: Faults

    @Test func whoeverLeavesTheOthersAreAnswered() throws {
        for gone in 0..<4 {
            let rig = try rig()
            rig.backends[0].store["k"] = Array("v".utf8)
            let clients = (0..<4).map { _ in rig.connect() }
            _ = rig.ask(clients[0], "PING")
            rig.backends[0].isFrozen = true
            askTogether(rig, clients, "GET", "k")
            rig.disconnect(clients[gone])
            rig.thaw(0)
            for (index, client) in clients.enumerated() {
                #expect(client.text == (index == gone ? "" : "$1\r\nv\r\n"), "\(gone) is gone")
            }
            #expect(isAtRest(rig))
        }
    }

    @Test func nobodyJoinsWhoHasLeft() throws {
        let rig = try rig(.inflight)
        rig.backends[0].store["k"] = Array("v".utf8)
        let (first, second) = (rig.connect(), rig.connect())
        _ = rig.ask(first, "PING")
        rig.backends[0].isFrozen = true
        rig.send(first, rig.request("GET", "k"))
        rig.disconnect(first)
        rig.send(second, rig.request("GET", "k"))
        rig.thaw(0)
        #expect(second.text == "$1\r\nv\r\n" && joined(rig) == 0 && isAtRest(rig))
    }

    @Test func allOfThemLeave() throws {
        let rig = try rig()
        let clients = (0..<4).map { _ in rig.connect() }
        _ = rig.ask(clients[0], "PING")
        rig.backends[0].isFrozen = true
        for client in clients { client.pending += rig.request("GET", "k") + rig.request("GET", "k") }
        rig.settle()
        for client in [clients[2], clients[0], clients[3], clients[1]] { rig.disconnect(client) }
        rig.thaw(0)
        #expect(isAtRest(rig))
    }

    @Test func allAreLateTogether() throws {
        let rig = try rig { $0.backend.timeoutMs = 100 }
        let clients = (0..<3).map { _ in rig.connect() }
        rig.backends[0].store["k"] = Array("v".utf8)
        _ = rig.ask(clients[0], "GET", "k")
        rig.backends[0].isFrozen = true
        askTogether(rig, clients, "GET", "k")
        rig.advance(ms: 110)
        #expect(clients.allSatisfy { $0.text.hasPrefix("-TIMEOUT ") } && isAtRest(rig))
        rig.thaw(0)
        askTogether(rig, clients, "GET", "k")
        #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" }, "the late reply was swallowed once")
    }

    @Test func aLostConnectionAsksOnceMoreForAll() throws {
        let rig = try rig()
        let clients = (0..<3).map { _ in rig.connect() }
        rig.backends[0].store["k"] = Array("v".utf8)
        _ = rig.ask(clients[0], "GET", "k")
        rig.backends[0].isFrozen = true
        askTogether(rig, clients, "GET", "k")
        rig.backends[0].isFrozen = false
        rig.backends[0].seen = []
        rig.lose(0)
        rig.advance(ms: 100)
        #expect(clients.allSatisfy { $0.text == "$1\r\nv\r\n" } && isAtRest(rig))
        #expect(rig.backends[0].seen.count { $0 == ["GET", "k"] } == 1)
    }

    @Test func aLostConnectionIsToldToAll() throws {
        let rig = try rig { ($0.backend.repeatPercent, $0.backend.repeatsPerSecond) = (0, 0) }
        let clients = (0..<3).map { _ in rig.connect() }
        _ = rig.ask(clients[0], "GET", "k")
        rig.backends[0].isFrozen = true
        askTogether(rig, clients, "GET", "k")
        rig.lose(0)
        #expect(clients.allSatisfy { $0.text.hasPrefix("-CONNLOST ") } && isAtRest(rig))
    }

    /// Goal: no client reads what it has written later, also when the read was another one's first.
    @Test func aReadIsNotRepeatedAcrossAWriteOfAnyWhoShareIt() throws {
        for writer in 0..<3 {
            let rig = try rig()
            let clients = (0..<3).map { _ in rig.connect() }
            _ = rig.ask(clients[0], "SET", "k", "old")
            rig.backends[0].isFrozen = true
            askTogether(rig, clients, "GET", "k")
            rig.send(clients[writer], rig.request("SET", "k", "new"))
            rig.thaw(0)
            rig.backends[0].store["k"] = Array("new".utf8)
            for client in clients { client.got = [] }
            rig.backends[0].isFrozen = true
            askTogether(rig, clients, "GET", "k")
            rig.send(clients[writer], rig.request("SET", "k", "newer"))
            rig.backends[0].isFrozen = false
            rig.lose(0)
            rig.advance(ms: 100)
            #expect(clients.allSatisfy { $0.text.hasPrefix("-CONNLOST ") })
        }
    }

    // MARK: Long replies

    @Test func aLongReplyGoesToAllPieceByPiece() throws {
        let rig = try rig()
        let value = [UInt8](repeating: 7, count: 300_000)
        rig.backends[0].store["k"] = value
        let clients = (0..<4).map { _ in rig.connect() }
        rig.moveBytesMax = { 9_999 }
        for client in clients { client.pending += rig.request("GET", "k") + rig.request("PING") }
        while clients[0].got.count < 100_000 { #expect(rig.tick()) }
        rig.disconnect(clients[1])
        for client in [clients[0], clients[2], clients[3]] {
            #expect(client.got == FakeBackend.bulk(value) + Array("+PONG\r\n".utf8))
        }
        #expect(isAtRest(rig) && joined(rig) == 3)
    }

    @Test func allAreCutWhenALongReplyIsCut() throws {
        let rig = try rig()
        rig.backends[0].store["k"] = [UInt8](repeating: 7, count: 300_000)
        let clients = (0..<3).map { _ in rig.connect() }
        rig.moveBytesMax = { 9_999 }
        for client in clients { client.pending += rig.request("GET", "k") }
        while clients[0].got.count < 100_000 { #expect(rig.tick()) }
        rig.lose(0)
        #expect(clients.allSatisfy { !$0.isOpen } && isAtRest(rig))
    }

    /// A client that has a line to itself is waited for, also where it has asked for the same twice.
    @Test func aSlowReaderAloneIsWaitedFor() throws {
        let rig = try EngineRig(
            shardCount: 1,
            options: {
                $0.outputPauseBytes = 50_000
                $0.outputSizeBytesMax = 100_000
            }, pool: { $0.coalescing = .tick })
        let value = [UInt8](repeating: 7, count: 300_000)
        rig.backends[0].store["k"] = value
        let client = rig.connect()
        // What it is sent tells how much of it may be under way.
        #expect(rig.ask(client, "SET", "j", "v") == "+OK\r\n")
        client.got = []
        client.windowBytes = 1_000
        rig.moveBytesMax = { 9_999 }
        rig.send(client, rig.request("GET", "k") + rig.request("GET", "k"))
        #expect(client.isOpen)
        while client.isOpen, client.got.count < 2 * value.count { rig.openWindow(client, bytes: 20_000) }
        #expect(client.got == FakeBackend.bulk(value) + FakeBackend.bulk(value))
    }

    // MARK: At random

    /// A client at random, and for each of its requests the least that its reply may say.
    private struct Player {
        let client: FakeClient
        var leasts: [Int] = []
        var isGone = false
    }

    /// Goal: whatever comes in which pieces, on which lines, and is lost when: each client has its replies in order,
    /// reads its own writes, and nothing older than it has read; with `tick` also nothing older than what anybody had
    /// an answer to when it asked. Method: the server counts writes, and answers each request with that number.
    @Test(arguments: [CoalesceMode.tick, .inflight]) func nobodySeesTimeGoBack(mode: CoalesceMode) throws {
        var random = SeededRandom.announced()
        var joinedCount = 0
        for _ in 0..<20 {
            let rig = try rig(mode) {
                $0.backend.connectionCount = Int.random(in: 1...2, using: &random)
                $0.backend.repeatsPerSecond = 1_000
            }
            var version = 0
            rig.backends[0].lie = { words in
                guard ["GET", "STRLEN", "SET"].contains(words[0]) else { return nil }
                if words[0] == "SET" { version += 1 }
                return Array(":\(version)\r\n".utf8)
            }
            play(rig, mode, &random)
            joinedCount += joined(rig)
        }
        #expect(joinedCount > 100)
    }

    private func play(_ rig: EngineRig, _ mode: CoalesceMode, _ random: inout SeededRandom) {
        var players = (0..<8).map { _ in Player(client: rig.connect()) }
        var draws = random.stream(1)
        rig.moveBytesMax = { draws.oneOf([1, 7, 60, 100_000]) }
        for _ in 0..<200 {
            let told = mode == .tick ? players.map { lastAnswer($0.client) }.max()! : 0
            for index in players.indices where !players[index].isGone && random.below(3) == 0 {
                for _ in 0...random.below(4) {
                    players[index].client.pending += request(rig, &random)
                    players[index].leasts.append(told)
                }
            }
            for _ in 0...random.below(6) { _ = rig.tick() }
            switch random.below(60) {
            case 0:
                let line = rig.engine.pools[0].shards[0].lines[0]
                if line.isReady { rig.lose(line) }
            case 1:
                let leaving = random.below(players.count)
                if !players[leaving].isGone { rig.disconnect(players[leaving].client) }
                players[leaving].isGone = true
                players.append(Player(client: rig.connect()))
            case 2: rig.advance(ms: 60)
            default: break
            }
            rig.nowMs += 1
        }
        for _ in 0..<50 { rig.advance(ms: 60) }
        for player in players { check(player) }
        #expect(isAtRest(rig))
    }

    private func request(_ rig: EngineRig, _ random: inout SeededRandom) -> [UInt8] {
        switch random.below(20) {
        case 0: rig.request("STRLEN", "k")
        case 1: rig.request([Array("SET".utf8), Array("k".utf8), [UInt8](repeating: 120, count: 140_000)])
        case 2...4: rig.request("SET", "k", "v")
        default: rig.request("GET", "k")
        }
    }

    private func lastAnswer(_ client: FakeClient) -> Int {
        let lines = String(decoding: client.got.suffix(20), as: UTF8.self).components(separatedBy: "\r\n")
        return lines.dropLast().last.flatMap { $0.first == ":" ? Int($0.dropFirst()) : nil } ?? 0
    }

    private func check(_ player: Player) {
        let lines = player.client.text.split(separator: "\r\n")
        #expect(player.isGone ? lines.count <= player.leasts.count : lines.count == player.leasts.count)
        var last = 0
        for (line, least) in zip(lines, player.leasts) where !line.hasPrefix("-CONNLOST ") {
            guard let version = Int(line.dropFirst()) else {
                Issue.record("a reply is \(line)")
                return
            }
            #expect(version >= max(last, least))
            last = version
        }
    }
}
