// From bytes to requests: limits, protocol errors in Valkey's words, inline requests, and when a client is not read.

import Platform
import Telemetry
import TestKit
import Testing
import Upstream
import Wire

@testable import Session

struct EngineRequestsTests {
    @Test(arguments: [
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*abc\r\n", "invalid multibulk length"),
        ("*01\r\n$4\r\nPING\r\n", "invalid multibulk length"),
        ("*1\r\n:4\r\n", "expected '$', got ':'"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("*1\r\n$4x\r\n", "invalid bulk length"),
        ("*1\r\n$4\r\nPINGxx", "an argument does not end in CR LF"),
        ("SET \"a\r\n", "unbalanced quotes in request"),
    ])
    func bytesThatAreNoRequestAreAnsweredAndTheConnectionEnds(bytes: String, text: String) throws {
        let rig = try EngineRig()
        let client = rig.connect()
        rig.send(client, rig.request("PING") + Array(bytes.utf8))
        #expect(client.text == "+PONG\r\n-ERR Protocol error: \(text)\r\n")
        #expect(!client.isOpen)
    }

    @Test func anInlineRequestHasALimit() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        rig.send(client, [UInt8](repeating: UInt8(ascii: "a"), count: 65_537))
        #expect(client.text == "-ERR Protocol error: too big inline request\r\n")
        #expect(!client.isOpen)
    }

    @Test func emptyRequestsAreNoRequests() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        rig.send(client, Array("\r\n\n*0\r\n*-1\r\n  \r\nPING\r\n".utf8))
        #expect(client.text == "+PONG\r\n")
    }

    @Test func aClaimedLengthTakesNoMemory() throws {
        let rig = try EngineRig()
        let before = rig.engine.buffers.chunks.totalBytes
        for _ in 0..<20 {
            let client = rig.connect()
            rig.send(client, Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nstart".utf8))
            #expect(client.isOpen)
        }
        #expect(rig.engine.buffers.chunks.totalBytes - before < 20 * 4_096)
    }

    @Test func aRequestOfManyKeysHasALimit() throws {
        let rig = try EngineRig(options: { $0.limits.requestSizeBytesMax = 1 << 20 })
        let client = rig.connect()
        let value = [UInt8](repeating: 1, count: 2_000_000)
        rig.send(client, rig.request([Array("MSET".utf8), Array("a".utf8), value, Array("b".utf8), value]))
        #expect(client.text.contains("client_query_buffer_limit (1048576 bytes)"))
        #expect(!client.isOpen)
    }

    @Test func aClientWithoutPasswordMaySendLittle() throws {
        let rig = try EngineRig(pool: { $0.password = "secret" })
        let many = rig.connect()
        rig.send(many, Array("*11\r\n".utf8))
        #expect(many.text == "-ERR Protocol error: unauthenticated multibulk length\r\n")
        let long = rig.connect()
        rig.send(long, Array("*2\r\n$3\r\nGET\r\n$16385\r\n".utf8))
        #expect(long.text == "-ERR Protocol error: unauthenticated bulk length\r\n")
    }

    @Test func wrongArityAndUnknownCommandsHaveValkeysTexts() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "GET") == "-ERR wrong number of arguments for 'get' command\r\n")
        #expect(
            rig.ask(client, "OBJECT", "ENCODING") == "-ERR wrong number of arguments for 'object|encoding' command\r\n")
        #expect(rig.ask(client, "OBJECT", "nope") == "-ERR unknown subcommand 'nope'. Try OBJECT HELP.\r\n")
        #expect(
            rig.ask(client, "Foo", "a", "b c") == "-ERR unknown command 'Foo', with args beginning with: 'a' 'b c' \r\n"
        )
        #expect(client.isOpen)
    }

    /// Goal: a client has no more requests under way than it may, and loses none. Method: a limit of 3.
    @Test func aPipelineWaitsAtTheLimitAndGoesOn() throws {
        let rig = try EngineRig(options: { $0.inFlightMax = 3 })
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].isFrozen = true
        rig.send(client, (0..<50).flatMap { rig.request("SET", key, "\($0)") } + rig.request("GET", key))
        #expect(client.ref.pointee.inFlightCount == 3)
        rig.thaw(0)
        #expect(client.text == String(repeating: "+OK\r\n", count: 50) + "$2\r\n49\r\n")
    }

    @Test func aClientThatEndsIsAnsweredBeforeItsConnectionCloses() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", key))
        rig.engine.receivedEnd(client.ref)
        rig.settle()
        #expect(client.isOpen)
        rig.thaw(0)
        #expect(client.text == "$-1\r\n")
        #expect(!client.isOpen)
        #expect(rig.counters.snapshot().pools[0].values[.clientEof] == 1)
    }

    @Test func aDrainAnswersWhatIsUnderWayAndClosesTheRest() throws {
        let rig = try EngineRig()
        let idle = rig.connect()
        let busy = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].isFrozen = true
        rig.send(busy, rig.request("SET", key, "v"))
        rig.engine.drain()
        rig.settle()
        #expect(!idle.isOpen)
        #expect(busy.isOpen)
        rig.thaw(0)
        #expect(busy.text == "+OK\r\n")
        #expect(!busy.isOpen)
    }

    @Test func anIdleClientIsClosedWhenTheConfigSaysSo() throws {
        let rig = try EngineRig(options: { $0.clientIdleTimeoutS = 5 })
        let client = rig.connect()
        #expect(rig.ask(client, "PING") == "+PONG\r\n")
        rig.advance(ms: 4_000)
        rig.engine.keepHouse()
        rig.settle()
        #expect(client.isOpen)
        rig.advance(ms: 2_000)
        rig.engine.keepHouse()
        rig.settle()
        #expect(!client.isOpen)
    }

    @Test func anIdleClientHoldsNoBuffer() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        #expect(rig.ask(client, "SET", "k", "v") == "+OK\r\n")
        #expect(client.ref.pointee.slots == nil)
        #expect(client.ref.pointee.intake == nil)
        #expect(client.ref.pointee.out.isEmpty)
        #expect(MemoryLayout<Client>.size <= 224)
    }
}
