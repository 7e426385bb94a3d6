// Whatever the kernel does with the bytes, every client gets the replies of a single, patient server.

import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineStreamTests {
    /// Goal: where the client's bytes are cut changes nothing. Method: every cut of a mixed pipeline.
    @Test func everyCutOfAPipelineGivesTheSameReplies() throws {
        let rig = try EngineRig()
        let bytes =
            rig.request("SET", "a", "1") + rig.request("get", "a") + Array("PING\r\n".utf8)
            + rig.request("MSET", "x", "1", "y", "2", "z", "3") + rig.request("MGET", "z", "a", "y", "none", "x")
            + Array("\r\n*0\r\n".utf8) + rig.request("DEL", "x", "y", "z", "z") + rig.request("nonsense", "1")
            + Array("ECHO \"a b\"\r\n".utf8)
        let expected =
            "+OK\r\n$1\r\n1\r\n+PONG\r\n+OK\r\n*5\r\n$1\r\n3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n$1\r\n1\r\n:3\r\n"
            + "-ERR unknown command 'nonsense', with args beginning with: '1' \r\n$3\r\na b\r\n"
        for cut in 0...bytes.count {
            let client = rig.connect()
            rig.send(client, Array(bytes[..<cut]))
            rig.send(client, Array(bytes[cut...]))
            #expect(client.text == expected, "cut after \(cut)")
        }
    }

    /// Goal: no chunking of any socket swaps, loses or damages a reply. Method: random pipelines of several clients
    /// with random sizes of every send and receive, against a model of each client's own keys.
    @Test(arguments: [1, 7, 100, 4_096, 1 << 20])
    func randomPipelinesGetTheirOwnReplies(moveBytesMax: Int) throws {
        let random = SeededRandom.announced()
        let rig = try EngineRig(options: { $0.inFlightMax = 50 })
        let sizes = random
        let box = Box(sizes)
        rig.moveBytesMax = { 1 + box.random.below(moveBytesMax) }
        var players = (0..<4).map { Player(rig.connect(), name: "c\($0)", random: random.stream($0)) }
        // Long values are for long moves: a debug build moves a million single bytes too slowly.
        let longest = min(300_000, max(200, moveBytesMax * 40))
        for _ in 0..<(moveBytesMax < 1_000 ? 3 : 10) {
            for index in players.indices { players[index].play(rig, longest: longest) }
            rig.settle()
            for player in players {
                #expect(player.client.got == player.expected, "client \(player.name)")
                #expect(player.client.isOpen)
            }
            for index in players.indices { players[index].forget() }
        }
    }

    private final class Box {
        var random: SeededRandom
        init(_ random: SeededRandom) { self.random = random }
    }

    /// One client's requests and the replies that they must get.
    private struct Player {
        let client: FakeClient
        let name: String
        var random: SeededRandom
        var store: [String: [UInt8]] = [:]
        var expected: [UInt8] = []

        init(_ client: FakeClient, name: String, random: SeededRandom) {
            self.client = client
            self.name = name
            self.random = random
        }

        mutating func play(_ rig: EngineRig, longest: Int) {
            for _ in 0..<random.oneOf([1, 2, 5, 30]) {
                let key = "\(name):\(random.below(20))"
                switch random.below(6) {
                case 0, 1:
                    let size = random.oneOf([0, 1, 10, 64, 200, longest / 10, longest])
                    let value = [UInt8](repeating: UInt8(random.below(256)), count: size)
                    store[key] = value
                    client.pending += rig.request([Array("SET".utf8), Array(key.utf8), value])
                    expected += Array("+OK\r\n".utf8)
                case 2, 3:
                    client.pending += rig.request("GET", key)
                    expected += FakeBackend.bulk(store[key])
                case 4:
                    let keys = (0..<5).map { _ in "\(name):\(random.below(20))" }
                    client.pending += rig.request((["MGET"] + keys).map { Array($0.utf8) })
                    expected += Array("*5\r\n".utf8) + keys.flatMap { FakeBackend.bulk(store[$0]) }
                default:
                    client.pending += rig.request("PING")
                    expected += Array("+PONG\r\n".utf8)
                }
            }
        }

        mutating func forget() {
            expected = []
            client.got = []
        }
    }

    /// Goal: a client that does not read holds up nobody but itself.
    /// Method: its reply has paused the shard's connection when another client asks the same shard.
    @Test func aPausedConnectionReadsOnForTheNextClient() throws {
        let rig = try EngineRig(options: { $0.outputPauseBytes = 65_536 })
        rig.moveBytesMax = { 40_000 }
        let (large, small) = (rig.key(on: 0, "large"), rig.key(on: 0, "small"))
        let value = [UInt8](repeating: 120, count: 500_000)
        rig.backends[0].store = [large: value, small: [118]]
        let slow = rig.connect()
        slow.windowBytes = 1_000
        rig.send(slow, rig.request("GET", large))
        #expect(rig.engine.pools[0].shards[0].lines[0].pointee.isReadPaused)
        let other = rig.connect()
        #expect(rig.ask(other, "GET", small) == "$1\r\nv\r\n")
        rig.openWindow(slow)
        #expect(slow.got == FakeBackend.bulk(value))
    }

    /// Goal: replies of several shards that wait for one slow reader do not wait for each other.
    @Test func pausedConnectionsGoOnInTurn() throws {
        let rig = try EngineRig(options: { $0.outputPauseBytes = 65_536 })
        rig.moveBytesMax = { 50_000 }
        let keys = (0..<3).map { rig.key(on: $0) }
        let values = (0..<3).map { [UInt8](repeating: 97 + UInt8($0), count: 300_000) }
        for (index, key) in keys.enumerated() { rig.backends[index].store[key] = values[index] }
        let slow = rig.connect()
        slow.windowBytes = 1_000
        rig.send(slow, keys.flatMap { rig.request("GET", $0) })
        let shards = rig.engine.pools[0].shards
        #expect((0..<3).allSatisfy { shards[$0].lines[0].pointee.isReadPaused })
        rig.openWindow(slow)
        #expect(slow.got == values.flatMap { FakeBackend.bulk($0) })
    }

    /// The greeting is Keyway's own matter: the statistics count what clients asked.
    @Test func responseBytesAreThoseOfRequests() throws {
        let rig = try EngineRig(pool: { $0.backend.password = "secret" })
        let client = rig.connect()
        let key = rig.key(on: 0)
        for _ in 0..<10 { #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n") }
        let values = rig.counters.snapshot().pools[0].servers[0].values
        #expect(values[.responseBytes] == 50 && values[.responses] == 10)
    }

    @Test func aClientThatIsGoneLeavesNothingBehind() throws {
        let rig = try EngineRig()
        rig.backends[0].isFrozen = true
        let key = rig.key(on: 0)
        for _ in 0..<50 {
            let client = rig.connect()
            rig.send(client, rig.request("GET", key) + rig.request("MGET", key, rig.key(on: 1)))
            rig.engine.close(client.ref, .byClient)
            rig.settle()
        }
        rig.thaw(0)
        let other = rig.connect()
        #expect(rig.ask(other, "SET", key, "v") == "+OK\r\n")
        #expect(rig.engine.clientCount == 1)
        #expect(rig.counters.snapshot().pools[0].values[.clientConnections] == 1)
    }
}
