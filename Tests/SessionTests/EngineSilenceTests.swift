// Connections that die in silence, and those whose host has moved.

import Platform
import TestKit
import Testing
import Upstream

@testable import Session

struct EngineSilenceTests {
    private func rig(_ change: @escaping (inout PoolOptions) -> Void = { _ in }) throws -> EngineRig {
        try EngineRig(pool: {
            $0.backend.connectionCount = 2
            $0.backend.timeoutMs = 300
            $0.backend.checkIntervalMs = 1_000
            change(&$0)
        })
    }

    private func line(_ rig: EngineRig, _ index: Int) -> LineRef { rig.engine.pools[0].shards[0].lines[index] }

    private func descriptor(_ rig: EngineRig, _ index: Int) -> Int32 { line(rig, index).pointee.descriptor }

    /// Both lines of the first shard stand.
    private func connectBoth(_ rig: EngineRig) {
        for index in 0..<2 { rig.engine.open(line(rig, index)) }
        rig.settle()
    }

    private func live(_ rig: EngineRig, seconds: Int) {
        for _ in 0..<seconds {
            rig.advance(ms: 1_000)
            rig.engine.keepHouse()
            rig.settle()
        }
    }

    @Test func anIdleLineIsAskedAndStays() throws {
        let rig = try rig()
        connectBoth(rig)
        let before = descriptor(rig, 1)
        rig.backends[0].seen = []
        live(rig, seconds: 60)
        #expect(before >= 0 && descriptor(rig, 1) == before)
        // The first line's checks are a PING and a ROLE.
        let seen = rig.backends[0].seen
        let (pings, roles) = (seen.count { $0 == ["PING"] }, seen.count { $0 == ["ROLE"] })
        #expect(pings - roles > 20, "the second line is asked as well: \(pings) and \(roles)")
    }

    @Test func anIdleLineThatDiedIsReplaced() throws {
        let rig = try rig()
        connectBoth(rig)
        let before = (descriptor(rig, 0), descriptor(rig, 1))
        try #require(rig.connections[before.1]).isStalled = true
        live(rig, seconds: 30)
        #expect(descriptor(rig, 1) != before.1 && line(rig, 1).isReady)
        #expect(descriptor(rig, 0) == before.0, "the other one has nothing to do with it")
    }

    @Test func aLateReplyAfterALongIdleTimeCostsNoConnection() throws {
        let rig = try rig { $0.backend.checkIntervalMs = 0 }
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        let before = [descriptor(rig, 0), descriptor(rig, 1)]
        live(rig, seconds: 60)
        rig.backends[0].isFrozen = true
        #expect(rig.ask(client, "GET", key) == "")
        rig.advance(ms: 310)
        #expect(client.text.hasPrefix("-TIMEOUT"))
        #expect([descriptor(rig, 0), descriptor(rig, 1)] == before)
    }

    @Test func idleConnectionsFollowTheHost() throws {
        let rig = try rig()
        connectBoth(rig)
        let before = (descriptor(rig, 0), descriptor(rig, 1))
        let (shard, known) = (rig.engine.pools[0].shards, line(rig, 1))
        rig.engine.hostWasFound(shard) { $0 == known }
        rig.settle()
        #expect(descriptor(rig, 0) != before.0 && line(rig, 0).isReady)
        #expect(descriptor(rig, 1) == before.1, "its address counts still")
    }

    /// Goal: what is under way is answered where it went, what follows goes to the new address, in order.
    @Test func busyConnectionsFollowTheHostInOrder() throws {
        let rig = try rig { $0.backend.connectionCount = 1 }
        let client = rig.connect()
        let key = rig.key(on: 0)
        _ = rig.ask(client, "SET", key, "v")
        let old = line(rig, 0)
        let oldConnection = try #require(rig.connections[old.pointee.descriptor])
        oldConnection.isStalled = true
        client.got = []
        rig.send(client, rig.request("SET", key, "vw"))
        let shard = rig.engine.pools[0].shards
        rig.engine.hostWasFound(shard) { _ in false }
        rig.send(client, rig.request("GET", key))
        #expect(client.text == "" && line(rig, 0) != old, "it waits for the reply before it")
        oldConnection.isStalled = false
        oldConnection.work()
        rig.settle()
        #expect(client.text == "+OK\r\n$2\r\nvw\r\n")
        #expect(!rig.connections.values.contains { $0 === oldConnection }, "the old one is closed when it has answered")
    }
}

struct HostAddressesTests {
    private func address(_ last: Int) throws -> SocketAddress {
        try SocketAddress.resolve(host: "10.0.0.\(last)", port: 1, numericOnly: true)[0]
    }

    @Test func anAddressCountsUntilTwoLookUpsLackIt() throws {
        let (a, b, c) = (try address(1), try address(2), try address(3))
        var host = HostAddresses()
        #expect(host.found([a]) == [] && host.counting == [], "one look-up may be an accident")
        #expect(host.found([a, b]) == [] && host.counting == [a, b])
        #expect(host.found([c]) == [] && host.counting == [a, b, c])
        #expect(host.found([c]) == [a, b] && host.counting == [c])
        #expect(host.found([c]) == [] && host.counting == [c])
    }
}
