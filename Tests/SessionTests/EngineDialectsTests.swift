// Protocols and databases: each pair has lines of its own, and a client changes only when nothing is under way.

import Telemetry
import Testing
import Upstream

@testable import Session

@Suite struct EngineDialectsTests {
    @Test func aClientOfAnotherDatabaseHasItsOwnLine() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        #expect(rig.ask(client, "SET", "k", "v") == "+OK\r\n")
        #expect(rig.ask(client, "SELECT", "3") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k") == "$1\r\nv\r\n")
        #expect(rig.backends[0].seen.contains(["SELECT", "3"]))
        #expect(rig.engine.pools[0].dialects.count == 2)
        #expect(rig.ask(client, "SELECT", "0") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k") == "$1\r\nv\r\n")
        #expect(rig.engine.pools[0].dialects.count == 2)
    }

    @Test func helloThreeOpensALineThatSpeaksIt() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        #expect(rig.ask(client, "HELLO", "3").hasPrefix("%7\r\n$6\r\nserver\r\n"))
        #expect(rig.ask(client, "CLIENT", "GETNAME") == "_\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
        #expect(rig.backends[0].seen.contains(["HELLO", "3"]))
        #expect(rig.ask(client, "RESET") == "+RESET\r\n")
        #expect(rig.ask(client, "CLIENT", "GETNAME") == "$-1\r\n")
    }

    @Test func aServerWithoutHelloServesTwoAndRefusesThree() throws {
        let rig = try EngineRig(shardCount: 1)
        rig.backends[0].speaksRESP3 = false
        let client = rig.connect()
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
        #expect(rig.ask(client, "HELLO", "3") == "-NOPROTO unsupported protocol version\r\n")
        #expect(rig.ask(client, "HELLO", "2").hasPrefix("*14\r\n"))
    }

    /// The reply to what came before is the old form's, whatever comes behind it in the same bytes.
    @Test(arguments: 0..<60)
    func aChangeWaitsForWhatIsUnderWay(split: Int) throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        let bytes =
            rig.request("GET", "k") + rig.request("HELLO", "3") + rig.request("SELECT", "2")
            + rig.request("CLIENT", "GETNAME") + rig.request("GET", "k")
        let cut = split * bytes.count / 60
        rig.send(client, Array(bytes[..<cut]))
        rig.send(client, Array(bytes[cut...]))
        let text = client.text
        #expect(text.hasPrefix("$-1\r\n%7\r\n") && text.hasSuffix("+OK\r\n_\r\n$-1\r\n"), "cut at \(cut)")
        #expect(rig.counters.snapshot().pools[0].values[.commands] == 5)
    }

    @Test func aRefusedDatabaseFailsItsClientsAndNotTheShard() throws {
        let rig = try EngineRig(shardCount: 1)
        rig.backends[0].lie = { $0 == ["SELECT", "9"] ? Array("-ERR DB index is out of range\r\n".utf8) : nil }
        let (client, other) = (rig.connect(), rig.connect())
        #expect(rig.ask(client, "SELECT", "9") == "+OK\r\n")
        let reply = rig.ask(client, "GET", "k")
        #expect(reply.hasPrefix("-SHARDDOWN") && reply.contains("DB index is out of range"), "\(reply)")
        #expect(rig.ask(other, "GET", "k") == "$-1\r\n")
        #expect(rig.ask(client, "SELECT", "0") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
    }

    @Test func linesOfAnUnusedDialectCloseAfterAMinuteAndOpenAgain() throws {
        let rig = try EngineRig(shardCount: 1, pool: { $0.backend.timeoutMs = 0 })
        let client = rig.connect()
        #expect(rig.ask(client, "SET", "k", "v") == "+OK\r\n")
        #expect(rig.ask(client, "SELECT", "3") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k") == "$1\r\nv\r\n")
        let lines = rig.engine.pools[0].shards[0].lines
        keepHouse(rig, afterMs: 59_999)
        #expect(lines[1].isReady)
        keepHouse(rig, afterMs: 1)
        #expect(!lines[1].isReady && lines[1].pointee.descriptor < 0)
        #expect(lines[0].isReady, "the pool's first dialect stays connected")
        #expect(rig.ask(client, "GET", "k") == "$1\r\nv\r\n")
        #expect(lines[1].isReady)
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.connects] == 3)
    }

    @Test func aLineThatOwesAReplyIsNotIdle() throws {
        let rig = try EngineRig(shardCount: 1, pool: { $0.backend.timeoutMs = 0 })
        let client = rig.connect()
        #expect(rig.ask(client, "SELECT", "3") == "+OK\r\n")
        #expect(rig.ask(client, "SET", "k", "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        #expect(rig.ask(client, "GET", "k") == "")
        keepHouse(rig, afterMs: 60_000)
        rig.thaw(0)
        #expect(client.text == "$1\r\nv\r\n")
    }

    private func keepHouse(_ rig: EngineRig, afterMs: UInt64) {
        rig.advance(ms: afterMs)
        rig.engine.keepHouse()
        rig.settle()
    }
}
