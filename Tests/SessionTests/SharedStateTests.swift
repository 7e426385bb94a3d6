// What workers have in common: client numbers, the limit of clients, words of failure.

import Testing
import Upstream

@testable import Session

struct SharedStateTests {
    @Test func clientsAreCountedUpToTheLimit() {
        let shared = SharedState(clientsMax: 2)
        #expect([shared.clientOpened(), shared.clientOpened(), shared.clientOpened()] == [true, true, false])
        #expect(shared.connectedClients == 3)
        shared.clientClosed()
        shared.clientClosed()
        #expect(shared.clientOpened())
        #expect(shared.nextClientID() != shared.nextClientID())
    }

    @Test func aTraceGoesOnInTheWorkersThatFollow() {
        let older = SharedState(clientsMax: 1)
        older.traces.begin(TraceOrder(target: .client(7), untilMs: 9))
        let shared = SharedState(clientsMax: 1, slowCountMax: 1, following: older)
        #expect(shared.traces.order?.target == .client(7))
    }

    @Test func theLastRefusalOfAShardIsRemembered() {
        let shared = SharedState(clientsMax: 1)
        let shard = ShardName(pool: "p", name: "a", endpoint: .unix(path: "/a"))
        let other = ShardName(pool: "p", name: "a", endpoint: .unix(path: "/a"))
        #expect(shared.refusal(of: shard) == "no reason given")
        shared.remember(refusal: "first", of: shard)
        shared.remember(refusal: "NOAUTH", of: shard)
        #expect(shared.refusal(of: shard) == "NOAUTH")
        #expect(shared.refusal(of: other) == "no reason given")
    }

    /// Goal: after a reload a key is still brought by one client, and early. Method: another pool comes first there.
    @Test func generationsShareWhoBringsAKey() {
        let shared = SharedState(clientsMax: 1)
        let older = shared.misses
        let pool = older.number(ofPool: "p")
        #expect(older.leases.claim(pool, 7, clientID: 1, untilMs: 100, nowMs: 0))
        older.lives(ofPool: pool).noteEnd(7, atMs: 50)
        older.lives(ofPool: pool).noteBringing(7, tookMs: 5)
        let newer = SharedState(clientsMax: 1, slowCountMax: 1, following: shared).misses
        let other = newer.number(ofPool: "q")
        #expect(other != pool && newer.number(ofPool: "p") == pool)
        #expect(newer.leases.claim(other, 7, clientID: 2, untilMs: 100, nowMs: 0), "another pool's key")
        #expect(!newer.leases.claim(pool, 7, clientID: 2, untilMs: 100, nowMs: 0))
        #expect(newer.lives(ofPool: pool).life(of: 7)?.bringMs == 5 && newer.lives(ofPool: other).life(of: 7) == nil)
    }

    /// Goal: after a reload the writes of clients that stay with the older workers end the newer ones' copies.
    @Test func generationsShareWhatEndsCopies() {
        let older = SharedState(clientsMax: 1)
        let newer = SharedState(clientsMax: 1, slowCountMax: 1, following: older)
        #expect(older.hotKeys.seed == newer.hotKeys.seed, "one key has one slot")
        #expect(older.hotKeys.processNumber != newer.hotKeys.processNumber)
        let (there, here) = (older.hotKeys.slots(ofPool: "p"), newer.hotKeys.slots(ofPool: "p"))
        here.changeHotCount(7, by: 1)
        let (before, other) = (here.version(7), newer.hotKeys.slots(ofPool: "q").version(7))
        #expect(there.isHot(7))
        there.raise(HotSlotsView.mark(of: 7))
        #expect(here.version(7) != before && newer.hotKeys.slots(ofPool: "q").version(7) == other)
        older.hotKeys.close()
        #expect(there.isClosed && !here.isClosed)
    }
}
