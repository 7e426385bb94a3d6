import Foundation
import Synchronization
import Testing

@testable import Telemetry

private let layout = TelemetryLayout(
    workerCount: 3,
    pools: [
        .init(name: "alpha", servers: ["one", "two"]), .init(name: "empty", servers: []),
        .init(name: "beta", servers: ["one"]),
    ])

/// Goal: no cell is shared by two metrics, servers, pools or workers.
/// Method: every cell gets a number of its own, and every one is read back afterwards.
@Test func everyCellIsItsOwn() {
    let counters = Counters(layout: layout)
    func visit(_ act: (_ number: Int, _ write: (Int) -> Void, _ read: () -> Int) -> Void) {
        var number = 0
        func each<M: MetricSet>(_ block: CounterBlock<M>) {
            for metric in M.allCases {
                number += 1
                act(number, { block.set(metric, $0) }, { block.read(metric) })
            }
        }
        for worker in 0..<layout.workerCount {
            each(counters.worker(worker))
            for pool in layout.pools.indices {
                each(counters.pool(pool, worker: worker))
                for server in layout.pools[pool].servers.indices {
                    each(counters.server(server, pool: pool, worker: worker))
                }
            }
        }
    }
    visit { number, write, read in
        #expect(read() == 0)
        write(number)
    }
    visit { number, _, read in #expect(read() == number) }
}

@Test func everyBlockStartsOnItsOwnCacheLine() {
    let counters = Counters(layout: layout)
    for worker in 0..<layout.workerCount {
        #expect(Int(bitPattern: counters.worker(worker).cells) % 64 == 0)
        #expect(Int(bitPattern: counters.pool(1, worker: worker).cells) % 64 == 0)
        #expect(Int(bitPattern: counters.server(1, pool: 0, worker: worker).cells) % 64 == 0)
    }
}

@Test func aSnapshotAddsTheWorkersUp() {
    let counters = Counters(layout: layout)
    for worker in 0..<3 {
        counters.worker(worker).add(.ticks, 10)
        counters.pool(2, worker: worker).add(.commands)
        counters.server(0, pool: 2, worker: worker).add(.requestBytes, 1 << 40)
    }
    let snapshot = counters.snapshot()
    #expect(snapshot.process[.ticks] == 30)
    #expect(snapshot.process[.events] == 0)
    #expect(snapshot.pools.map(\.name) == ["alpha", "empty", "beta"])
    #expect(snapshot.pools[2].values[.commands] == 3)
    #expect(snapshot.pools[2].servers.map(\.name) == ["one"])
    #expect(snapshot.pools[2].servers[0].values[.requestBytes] == 3 << 40)
    #expect(snapshot.pools[0].servers[0].values[.requestBytes] == 0)
    #expect(snapshot.pools[1].servers.isEmpty)
}

@Test func gaugesGoDownAndMayEndInAnotherWorker() {
    let counters = Counters(layout: layout)
    counters.server(0, pool: 0, worker: 0).add(.inQueue, 5)
    counters.server(0, pool: 0, worker: 1).add(.inQueue, -2)
    #expect(counters.server(0, pool: 0, worker: 1).read(.inQueue) == -2)
    #expect(counters.snapshot().pools[0].servers[0].values[.inQueue] == 3)
}

@Test func ofTimestampsTheLatestCounts() {
    let counters = Counters(layout: layout)
    counters.server(1, pool: 0, worker: 0).set(.serverEjectedAt, 1_700_000_000_000_000)
    counters.server(1, pool: 0, worker: 2).set(.serverEjectedAt, 1_800_000_000_000_000)
    #expect(counters.snapshot().pools[0].servers[1].values[.serverEjectedAt] == 1_800_000_000_000_000)
}

/// Goal: a reader on another thread never sees a torn or a shrinking counter, and the last sum is exact.
@Test func countsAreExactWhileAnotherThreadReads() {
    let counters = Counters(layout: layout)
    let writersLeft = Atomic(layout.workerCount)
    let perWorkerCount = 200_000
    for worker in 0..<layout.workerCount {
        Thread {
            let block = counters.worker(worker)
            for _ in 0..<perWorkerCount { block.add(.events) }
            writersLeft.subtract(1, ordering: .releasing)
        }.start()
    }
    var last = 0
    var shrank = false
    while writersLeft.load(ordering: .acquiring) > 0 {
        let now = counters.snapshot().process[.events]
        if now < last { shrank = true }
        last = now
    }
    #expect(!shrank)
    #expect(counters.snapshot().process[.events] == layout.workerCount * perWorkerCount)
}

@Test func aServerIndexBeyondThePoolIsOurBug() async {
    await #expect(processExitsWith: .failure) {
        let counters = Counters(layout: TelemetryLayout(workerCount: 1, pools: [.init(name: "p", servers: ["s"])]))
        _ = counters.server(1, pool: 0, worker: 0)
    }
}

/// Goal: after a reload numbers go on where the names are the same, whatever the order and number of the workers, pools
/// and servers; what is open counts while it is, and ends with those who wrote it.
@Test func whoFollowsGoesOnFromTheNumbersBefore() {
    let older = Counters(layout: layout)
    older.worker(2).add(.ticks, 5)
    older.pool(2, worker: 1).add(.commands, 7)
    older.pool(2, worker: 1).set(.clientConnections, 3)
    older.server(0, pool: 2, worker: 0).add(.requests, 11)
    older.server(0, pool: 2, worker: 0).set(.breakerState, 2)
    older.backendTimes(server: 0, pool: 2, worker: 0).record(us: 100)
    let newer = Counters(
        layout: TelemetryLayout(workerCount: 1, pools: [.init(name: "beta", servers: ["other", "one"])]),
        following: older)
    newer.pool(0, worker: 0).add(.commands, 1)
    newer.pool(0, worker: 0).set(.clientConnections, 2)
    for isLive in [true, false] {
        let now = newer.snapshot()
        #expect(now.process[.ticks] == 5 && now.pools.count == 1)
        #expect(now.pools[0].values[.commands] == 8)
        #expect(now.pools[0].values[.clientConnections] == (isLive ? 5 : 2))
        #expect(now.pools[0].servers.map { $0.values[.requests] } == [0, 11])
        #expect(now.pools[0].servers[1].values[.breakerState] == (isLive ? 2 : 0))
        #expect(newer.latencies().pools[0].servers.map(\.backend.count) == [0, 1])
        if isLive { newer.earlierHaveEnded() }
    }
    // A third goes on from both, whether the first has ended before or not.
    let third = Counters(layout: layout, following: newer)
    third.earlierHaveEnded()
    #expect(third.snapshot().pools[2].values[.commands] == 8)
    #expect(third.latencies().pools[2].servers[0].backend.count == 1)
}
