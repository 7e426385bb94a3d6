// Backends that are late, lost, down or lying: every request gets one true answer, and nobody else's.

import Telemetry
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineLinesTests {
    private func rig(timeoutMs: Int = 300) throws -> EngineRig {
        try EngineRig(pool: { $0.backend.timeoutMs = timeoutMs })
    }

    @Test func aLateReplyIsSwallowedAndTheNextIsRight() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "old") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        #expect(rig.ask(client, "GET", key) == "")
        rig.advance(ms: 299)
        #expect(client.text == "")
        rig.advance(ms: 10)
        #expect(client.text.hasPrefix("-TIMEOUT shard s0"))
        #expect(client.text.contains("300 ms"))
        client.got = []
        rig.send(client, rig.request("SET", key, "new") + rig.request("GET", key))
        rig.thaw(0)
        #expect(client.text == "+OK\r\n$3\r\nnew\r\n")
        let counters = rig.counters.snapshot().pools[0].servers[0].values
        #expect(counters[.requestsTimedOut] == 1)
        #expect(counters[.lateReplies] == 1)
        #expect(counters[.connects] == 1)
    }

    /// Goal: a late reply that comes in pieces is swallowed as a whole, whatever byte a piece begins with.
    /// Method: cut before a byte that would begin a push message of RESP3.
    @Test func aLateReplyInPiecesIsSwallowedWhole() throws {
        let rig = try rig()
        let late = rig.connect()
        let other = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(other, "GET", key)
        rig.backends[0].isFrozen = true
        rig.send(late, rig.request("GET", key))
        rig.advance(ms: 310)
        #expect(late.text.contains("-TIMEOUT"))
        other.got = []
        rig.send(other, rig.request("GET", key))
        let line = rig.engine.pools[0].shards[0].lines[0]
        rig.reply(line, "$8\r\nab")
        rig.reply(line, ">1\r\n+x\r\n")
        rig.reply(line, "$1\r\nv\r\n")
        #expect(other.text == "$1\r\nv\r\n")
    }

    @Test func oneShardsTimeoutLeavesTheOthersRepliesInOrder() throws {
        let rig = try rig()
        let client = rig.connect()
        let slow = rig.key(on: 0)
        let fast = rig.key(on: 1)
        #expect(rig.ask(client, "SET", fast, "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, rig.request("GET", fast) + rig.request("GET", slow) + rig.request("GET", fast))
        #expect(client.text == "$1\r\nv\r\n")
        rig.advance(ms: 310)
        #expect(client.text.hasPrefix("$1\r\nv\r\n-TIMEOUT "))
        #expect(client.text.hasSuffix("$1\r\nv\r\n"))
    }

    @Test func aWriteWithoutAReplySaysThatItsOutcomeIsUnknown() throws {
        let rig = try EngineRig(pool: {
            $0.backend.timeoutMs = 0
            $0.backend.repeatPercent = 0
            $0.backend.repeatsPerSecond = 0
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("SET", key, "w") + rig.request("GET", key))
        client.got = []
        rig.lose(0)
        let errors = client.text.split(separator: "\r\n")
        #expect(errors.count == 2)
        #expect(errors[0].hasPrefix("-CONNLOST") && errors[0].contains("outcome unknown"))
        #expect(errors[1].hasPrefix("-CONNLOST") && errors[1].contains("only reads"))
    }

    /// Goal: what the server does not have whole is sent once on the next connection. Method: cut the connection after
    /// every byte.
    @Test func unwrittenRequestsMoveToTheNextConnection() throws {
        for cut in 1...54 {
            let rig = try rig(timeoutMs: 5_000)
            let client = rig.connect()
            let key = rig.key(on: 0)
            #expect(rig.ask(client, "SET", key, "0") == "+OK\r\n")
            rig.backends[0].isFrozen = true
            rig.backends[0].seen = []
            client.got = []
            client.pending = rig.request("SET", key, "a") + rig.request("SET", key, "b")
            let requestBytes = client.pending.count / 2
            // One write of `cut` bytes, then the connection is gone.
            rig.receiveAll(client)
            rig.writeOnce(shard: 0, bytes: cut)
            rig.backends[0].isFrozen = false
            rig.lose(0)
            rig.advance(ms: 100)
            let replies = client.text.split(separator: "\r\n").map { String($0.prefix(9)) }
            let writtenCount = cut / requestBytes
            let expected = (0..<2).map { $0 < writtenCount ? "-CONNLOST" : "+OK" }
            #expect(replies == expected, "cut after \(cut) of \(requestBytes)")
            #expect(rig.backends[0].seen.filter { $0[0] == "SET" }.count == 2 - writtenCount)
        }
    }

    /// Goal: nobody gets two replies in one. Method: a server that begins a long reply before it was asked, and goes.
    @Test func aReplyThatBeganBeforeItsRequestWasWrittenIsNotAskedForAgain() throws {
        let rig = try rig(timeoutMs: 5_000)
        let (client, other) = (rig.connect(), rig.connect())
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        for each in [client, other] {
            each.pending = rig.request("GET", key)
            rig.receiveAll(each)
        }
        rig.writeOnce(shard: 0, bytes: 0)
        rig.backends[0].seen = []
        rig.reply(rig.engine.pools[0].shards[0].lines[0], "$200000\r\n" + String(repeating: "x", count: 100_000))
        #expect(client.got.count > 32_768)
        rig.lose(0)
        rig.advance(ms: 100)
        #expect(!client.isOpen)
        #expect(other.text == "$1\r\nv\r\n")
        #expect(rig.backends[0].seen.filter { $0[0] == "GET" }.count == 1)
    }

    /// Goal: what timed out before a byte of it was written is not sent to the next connection, and takes no other
    /// request's bytes with it. Method: a full socket, a timeout, a lost connection, and a timeout while there is none.
    @Test func whatTimedOutUnwrittenIsForgottenWithItsConnection() throws {
        let rig = try rig(timeoutMs: 100)
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "0") == "+OK\r\n")
        client.pending = rig.request("SET", key, "a longer value")
        rig.receiveAll(client)
        rig.writeOnce(shard: 0, bytes: 0)
        rig.advance(ms: 110)
        #expect(client.text.contains("-TIMEOUT"))
        rig.backends[0].isRefusing = true
        rig.lose(0)
        #expect(rig.ask(client, "GET", key) == "")
        rig.advance(ms: 110)
        #expect(client.text.hasPrefix("-TIMEOUT") && client.text.contains("nothing was executed"))
        rig.backends[0].isRefusing = false
        rig.backends[0].seen = []
        rig.advance(ms: 500)
        #expect(rig.ask(client, "GET", key) == "$1\r\n0\r\n")
        #expect(rig.backends[0].seen.filter { $0[0] == "SET" }.isEmpty)
        #expect(rig.engine.unansweredCount == 0)
    }

    @Test func aShardThatCannotBeReachedIsAnsweredAtOnceAfterASecond() throws {
        let rig = try rig(timeoutMs: 5_000)
        let client = rig.connect()
        let key = rig.key(on: 2)
        rig.backends[2].isRefusing = true
        #expect(rig.ask(client, "GET", key) == "")
        for _ in 0..<30 { rig.advance(ms: 100) }
        #expect(client.text.hasPrefix("-SHARDDOWN shard s2"))
        #expect(client.text.contains("Connection refused"))
        #expect(rig.ask(client, "GET", key).hasPrefix("-SHARDDOWN"))
        #expect(rig.ask(client, "SET", rig.key(on: 1), "v") == "+OK\r\n")
        rig.backends[2].isRefusing = false
        for _ in 0..<30 { rig.advance(ms: 100) }
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
    }

    @Test func aRequestThatWaitsForAConnectionTimesOutUnsent() throws {
        let rig = try rig(timeoutMs: 200)
        let client = rig.connect()
        let key = rig.key(on: 1)
        rig.backends[1].isRefusing = true
        rig.send(client, rig.request("SET", key, "v"))
        rig.advance(ms: 210)
        #expect(client.text.contains("was not sent"))
        rig.backends[1].isRefusing = false
        for _ in 0..<10 { rig.advance(ms: 100) }
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
    }

    @Test func bytesThatAreNoReplyCostTheConnectionAndNotTheClient() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].lie = { $0[0] == "GET" ? Array("what is this?\r\n".utf8) : nil }
        #expect(rig.ask(client, "GET", key) == "", "it only reads, so it is asked once more")
        rig.advance(ms: 100)
        #expect(client.text.hasPrefix("-CONNLOST"))
        rig.backends[0].lie = nil
        for _ in 0..<5 { rig.advance(ms: 100) }
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
    }

    @Test func aReplyNobodyAskedForCostsTheConnection() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].lie = { $0[0] == "GET" ? Array("$1\r\na\r\n$1\r\nb\r\n".utf8) : nil }
        #expect(rig.ask(client, "GET", key) == "$1\r\na\r\n")
        rig.advance(ms: 100)
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.connects] == 2)
        rig.backends[0].lie = nil
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
    }

    @Test func tooManyTombstonesReplaceTheConnection() throws {
        let rig = try EngineRig(pool: {
            $0.backend.timeoutMs = 100
            $0.backend.tombstonesMax = 3
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        client.got = []
        rig.send(client, (0..<4).flatMap { _ in rig.request("GET", key) })
        rig.advance(ms: 110)
        #expect(client.text.components("-TIMEOUT") == 4)
        rig.backends[0].isFrozen = false
        for _ in 0..<5 { rig.advance(ms: 100) }
        #expect(rig.ask(client, "GET", key) == "$1\r\nv\r\n")
        #expect(rig.counters.snapshot().pools[0].servers[0].values[.connects] == 2)
    }

    @Test func theGaugesTellWhatWaitsUnwrittenAndUnanswered() throws {
        let rig = try rig(timeoutMs: 0)
        let client = rig.connect()
        let key = rig.key(on: 0)
        #expect(rig.ask(client, "SET", key, "v") == "+OK\r\n")
        rig.backends[0].isFrozen = true
        rig.send(client, rig.request("GET", key))
        client.pending = rig.request("GET", key) + rig.request("GET", key)
        rig.receiveAll(client)
        rig.engine.keepHouse()
        let sizeBytes = rig.request("GET", key).count
        let values = { rig.counters.snapshot().pools[0].servers[0].values }
        #expect(values()[.inQueue] == 2 && values()[.inQueueBytes] == 2 * sizeBytes)
        #expect(values()[.outQueue] == 1 && values()[.outQueueBytes] == sizeBytes)
        rig.thaw(0)
        rig.engine.keepHouse()
        #expect(values()[.inQueue] == 0 && values()[.outQueue] == 0 && values()[.outQueueBytes] == 0)
    }

    @Test func theGreetingCarriesPasswordAndDatabase() throws {
        let rig = try EngineRig(pool: {
            $0.backend.password = "secret"
            $0.backend.database = 7
        })
        let client = rig.connect()
        #expect(rig.ask(client, "SET", rig.key(on: 0), "v") == "+OK\r\n")
        #expect(
            rig.backends[0].seen.prefix(5) == [
                ["AUTH", "secret"], ["HELLO", "2"], ["SELECT", "7"], ["INFO", "server"],
                ["CLIENT", "SETNAME", "keyway"],
            ])
    }

    @Test func aRefusedGreetingIsTheReasonThatClientsSee() throws {
        let rig = try EngineRig(pool: { $0.backend.password = "wrong" })
        for backend in rig.backends {
            backend.lie = { $0[0] == "AUTH" ? Array("-WRONGPASS invalid password\r\n".utf8) : nil }
        }
        let client = rig.connect()
        rig.send(client, rig.request("GET", "k"))
        for _ in 0..<30 { rig.advance(ms: 100) }
        #expect(client.text.contains("WRONGPASS"))
    }

    @Test func aFullQueueRefusesInsteadOfGrowing() throws {
        let rig = try EngineRig(pool: {
            $0.backend.timeoutMs = 0
            $0.backend.inFlightMax = 5
        })
        let client = rig.connect()
        let key = rig.key(on: 0)
        rig.backends[0].isFrozen = true
        rig.send(client, (0..<7).flatMap { _ in rig.request("GET", key) })
        rig.thaw(0)
        let replies = client.text.split(separator: "\r\n")
        #expect(replies.count == 7)
        #expect(replies.suffix(2).allSatisfy { $0.hasPrefix("-OVERLOADED") && $0.contains("server_in_flight_max") })
    }

    /// Goal: a line that ends with something to be written, as one may when another's connect has failed at once, is
    /// freed when nobody finds it in a list any more.
    @Test func aLineThatEndsBeforeItIsWrittenToIsFreedLater() throws {
        let rig = try EngineRig(shardCount: 1)
        rig.settle()
        let shard = rig.engine.pools[0].shards
        let line = Line.make(shard: shard, role: .retiring, dialect: rig.engine.pools[0].dialects[0])
        rig.engine.markDirty(line)
        rig.engine.retire(line)
        rig.engine.bury()
        let isKept = rig.engine.dead.contains(line)
        #expect(isKept)
        rig.settle()
        let isFreed = rig.engine.dead.isEmpty && shard.pointee.firstLine != line
        #expect(isFreed)
    }
}

extension String {
    /// How often `part` occurs.
    func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
