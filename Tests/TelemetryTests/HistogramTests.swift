import Testing

@testable import Telemetry

@Test func bucketsFollowEachOtherWithoutGapOrOverlap() {
    #expect(LatencyScale.startUs(ofBucket: 0) == 0)
    for bucket in 0..<LatencyScale.bucketCount - 1 {
        let (start, end) = (LatencyScale.startUs(ofBucket: bucket), LatencyScale.endUs(ofBucket: bucket))
        #expect(start < end && end - start <= max(1, start / 4))
        for us in [start, end - 1] { #expect(LatencyScale.bucket(ofUs: UInt32(us)) == bucket, "\(us) us") }
    }
    #expect(LatencyScale.bucket(ofUs: .max) == LatencyScale.bucketCount - 1)
    #expect(LatencyScale.bucket(ofUs: 1 << 27) == LatencyScale.bucketCount - 1)
}

@Test func everyDoublingIsTheEndOfABucket() {
    let ends = Set((0..<LatencyScale.bucketCount).map(LatencyScale.endUs))
    for exponent in 0...26 { #expect(ends.contains(1 << exponent)) }
}

private func values(_ times: [(us: UInt32, count: Int)]) -> HistogramValues {
    let counters = Counters(layout: TelemetryLayout(workerCount: 1, pools: []))
    for time in times { counters.loopTimes(worker: 0).record(us: time.us, count: time.count) }
    return counters.latencies().loops[0]
}

@Test func aRunCountsAsOftenAsItIsLong() {
    let values = values([(100, 3), (100, 1), (7, 2)])
    #expect(values.count == 6 && values.sumUs == 414)
    #expect(values.count(belowUs: 64) == 2 && values.count(belowUs: 128) == 6 && values.count(belowUs: 1) == 0)
}

@Test func quantilesAreRightToAQuarter() throws {
    let values = values((1...1_000).map { (UInt32($0 * 10), 1) })
    for (part, us) in [(0.5, 5_000.0), (0.9, 9_000), (0.99, 9_900)] {
        let found = try #require(values.quantileUs(part))
        #expect(abs(found - us) <= us / 4, "\(part): \(found)")
    }
    #expect(HistogramValues().quantileUs(0.5) == nil)
}

@Test func theChangeSinceALookIsWhatCameAfterIt() {
    let before = values([(5, 2)])
    let after = values([(5, 2), (5, 1), (900, 1)])
    let change = after.since(before)
    #expect(change.count == 2 && change.sumUs == 905)
    #expect(before.since(after).count == 0)
}

@Test func histogramsOfCommandsServersAndWorkersAreApart() {
    let layout = TelemetryLayout(
        workerCount: 2, pools: [.init(name: "a", servers: ["x", "y"]), .init(name: "b", servers: ["z"])],
        commands: ["get", "set"])
    let counters = Counters(layout: layout)
    for worker in 0..<2 {
        counters.loopTimes(worker: worker).record(us: 1, count: 1 + worker)
        counters.queueTimes(server: 1, pool: 0, worker: worker).record(us: 2)
        counters.backendTimes(server: 0, pool: 1, worker: worker).record(us: 3)
        counters.commandTimes(pool: 1, worker: worker).record(command: 1, us: 4, count: 5)
        counters.commandTimes(pool: 1, worker: worker).record(command: 2, us: 4, count: 1)
        counters.commandTimes(pool: 1, worker: worker).record(command: CommandTimes.noCommand, us: 4, count: 1)
    }
    let times = counters.latencies()
    #expect(times.loops.map(\.count) == [1, 2])
    #expect(times.pools[0].commands.isEmpty && times.pools[1].commands.keys.map { $0 } == [1])
    #expect(times.pools[1].commands[1]?.count == 10 && times.pools[1].commands[1]?.sumUs == 40)
    #expect(times.pools[0].servers.map(\.queue.count) == [0, 2])
    #expect(times.pools[0].servers.map(\.backend.count) == [0, 0])
    #expect(times.pools[1].servers[0].queue.count == 0 && times.pools[1].servers[0].backend.sumUs == 6)
    #expect(counters.snapshot().process == Counters(layout: layout).snapshot().process)
}
