// Clients that leave for another process between two requests, and those that come from one.

import Platform
import Testing
import Upstream
import Wire

@testable import Session

@Suite struct EngineHandoverTests {
    private static func words(_ rig: EngineRig) -> [UInt8] {
        rig.request("SET", "a", "1") + rig.request("ECHO", "one") + rig.request("GET", "a")
            + rig.request("HELLO", "3") + rig.request("CLIENT", "SETNAME", "me") + rig.request("ECHO", "two")
            + Array("ECHO inline\r\n".utf8) + rig.request("CLIENT", "GETNAME") + rig.request("ECHO", "three")
    }

    private static func wanted() throws -> String {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        rig.send(client, words(rig))
        return masked(client.text)
    }

    /// HELLO tells the client's id, which is another one in another rig.
    private static func masked(_ text: String) -> String {
        text.replacing(/id\r\n:[0-9]+/, with: "id\r\n:0")
    }

    /// Goal: nobody loses a request or a reply, and the order holds. Method: the client goes at every byte it sends.
    @Test func aClientGoesAtEveryByte() throws {
        let wanted = try Self.wanted()
        let count = Self.words(try EngineRig(shardCount: 1)).count
        for split in 0...count {
            let (older, newer) = (try EngineRig(shardCount: 1), try EngineRig(shardCount: 1))
            let bytes = Self.words(older)
            let client = older.connect()
            older.send(client, Array(bytes[..<split]))
            older.engine.handOver()
            older.settle()
            #expect(older.departed.count == 1 && older.engine.clientCount == 0, "at byte \(split)")
            let record = try #require(ClientRecord(older.departed[0].bytes))
            #expect(record == older.departed[0])
            newer.backends[0].store = older.backends[0].store
            let adopted = try #require(newer.adopt(record))
            newer.send(adopted, Array(bytes[split...]))
            #expect(Self.masked(client.text + adopted.text) == wanted, "at byte \(split)")
            #expect(newer.engine.buffers.chunks.totalBytes < 1 << 20)
        }
    }

    /// What has been received and not looked at goes along, and nothing of it is sent to a server here.
    @Test func requestsBehindOneUnderWayGoAlong() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        #expect(rig.ask(client, "SET", "a", "1") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", "a"))
        rig.engine.handOver()
        rig.settle()
        rig.send(client, rig.request("GET", "b"))
        #expect(rig.departed.isEmpty, "a reply of it is still to come")
        rig.thaw(0)
        #expect(client.text.hasSuffix("$1\r\n1\r\n"))
        #expect(rig.departed.count == 1)
        #expect(!rig.backends[0].seen.contains(["GET", "b"]))
    }

    /// Goal: who is in the middle of something finishes it here.
    @Test func aTransactionIsFinishedFirst() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        #expect(rig.ask(client, "MULTI") == "+OK\r\n")
        rig.engine.handOver()
        rig.settle()
        #expect(rig.departed.isEmpty)
        #expect(rig.ask(client, "SET", "a", "1") == "+QUEUED\r\n")
        #expect(rig.ask(client, "EXEC") == "*1\r\n+OK\r\n")
        #expect(rig.departed.count == 1)
    }

    @Test func aListenerStaysWhileItListens() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        #expect(rig.ask(client, "SUBSCRIBE", "news").hasPrefix("*3\r\n"))
        rig.engine.handOver()
        rig.settle()
        #expect(rig.departed.isEmpty)
        #expect(rig.ask(client, "UNSUBSCRIBE", "news").hasPrefix("*3\r\n"))
        #expect(rig.departed.count == 1)
    }

    /// Goal: when the other process is gone, clients are served on as if nothing had been.
    @Test func whoCannotGoStays() throws {
        let rig = try EngineRig(shardCount: 1)
        let client = rig.connect()
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", "a") + rig.request("ECHO", "behind"))
        rig.engine.handOver()
        rig.settle()
        rig.engine.stay()
        rig.thaw(0)
        #expect(client.text == "$-1\r\n$6\r\nbehind\r\n")
        #expect(rig.ask(client, "ECHO", "again") == "$5\r\nagain\r\n")
        #expect(rig.departed.isEmpty)
    }

    /// Goal: nothing behind a command that blocks is read, whatever became of the other process, and the connection
    /// that was lent for it goes back.
    @Test func whoBlocksAndStaysIsReadOnWhenItIsAnswered() throws {
        let rig = try EngineRig(shardCount: 2)
        let (list, key) = (rig.key(on: 0), rig.key(on: 1))
        rig.backends[0].isFrozen = true
        let client = rig.connect()
        rig.send(client, rig.request("BLPOP", list, "0"))
        rig.engine.handOver()
        rig.settle()
        rig.engine.stay()
        rig.send(client, rig.request("SET", key, "1"))
        #expect(rig.backends[1].store.isEmpty)
        rig.backends[0].lie = { $0[0] == "BLPOP" ? Array("*-1\r\n".utf8) : nil }
        rig.thaw(0)
        #expect(client.text == "*-1\r\n+OK\r\n")
        let shard = rig.engine.pools[0].shards[0]
        #expect(shard.leaseCount == 0)
    }

    /// Goal: a worker that ends in a process that goes on keeps nothing. Method: a client has left with a part of its
    /// reply here, another in the middle of a message.
    @Test func aWorkerThatEndsGivesEverythingBack() throws {
        let rig = try EngineRig(shardCount: 2)
        let listener = rig.connect()
        #expect(rig.ask(listener, "SUBSCRIBE", "news").hasPrefix("*3\r\n"))
        let ear = try #require(rig.connections.values.first { $0.line.pointee.role == .ear }?.line)
        rig.reply(ear, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$9\r\nhal")
        let client = rig.connect()
        rig.backends[1].isFrozen = true
        rig.send(client, rig.request("MGET", rig.key(on: 0), rig.key(on: 1)))
        rig.engine.handOver()
        rig.disconnect(listener)
        rig.disconnect(client)
        #expect(rig.engine.clientCount == 0)
        let wasDeserted = rig.engine.isDeserted
        #expect(!wasDeserted, "a reply that somebody asked for is still to come")
        rig.thaw(1)
        let isDeserted = rig.engine.isDeserted
        #expect(isDeserted)
        rig.engine.giveEverythingBack()
        rig.engine.buffers.chunks.releaseFree()
        let leftBytes = rig.engine.buffers.chunks.totalBytes
        #expect(leftBytes == 0)
    }

    /// Goal: workers of another generation, which go on, do not count whom the drain has cut.
    @Test func whoIsCutCountsNoMore() throws {
        let rig = try EngineRig(shardCount: 2)
        let listener = rig.connect()
        #expect(rig.ask(listener, "SUBSCRIBE", "news").hasPrefix("*3\r\n"))
        #expect(!rig.engine.shared.census.isEmpty && rig.engine.shared.connectedClients == 1)
        rig.engine.drain()
        rig.engine.cutEverybody()
        rig.settle()
        #expect(rig.engine.shared.census.isEmpty && rig.engine.shared.connectedClients == 0)
    }

    @Test func aClientWithoutAPlaceIsRefused() throws {
        let rig = try EngineRig(shardCount: 1)
        let record = ClientRecord(
            pool: "main", id: 7, version: 2, database: 0, flags: .authenticated, ageS: 5, commandCount: 3)
        var other = record
        other.pool = "gone"
        #expect(rig.adopt(other) == nil)
        other = record
        other.database = 16
        #expect(rig.adopt(other) == nil)
        other = record
        other.version = 4
        #expect(rig.adopt(other) == nil)
        let client = try #require(rig.adopt(record))
        #expect(rig.ask(client, "CLIENT", "ID") == ":7\r\n")
        #expect(rig.engine.clientCount == 1)
    }

    /// Goal: another version's record is read as far as it is known, and what is none is refused.
    @Test func recordsAreReadWithFieldsOfOtherVersions() {
        var record = ClientRecord(
            pool: "p", id: 1 << 40, version: 3, database: -1, flags: [.authenticated, .noEvict], ageS: 0,
            commandCount: 0)
        record.unread = [0, 255, 13, 10]
        record.name = "n"
        var later = TaggedFields()
        later.add(99, "of a later version")
        #expect(ClientRecord(record.bytes + later.bytes) == record)
        for count in 1..<record.bytes.count {
            let cut = ClientRecord(Array(record.bytes[..<count]))
            #expect(cut == nil || cut?.pool == "p", "\(count) bytes of \(record.bytes.count)")
        }
        #expect(ClientRecord([]) == nil)
        record.flags.insert(.closed)
        #expect(ClientRecord(record.bytes)?.flags == [.authenticated, .noEvict])
    }
}
