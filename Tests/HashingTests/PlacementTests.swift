import Hashing
import TestKit
import Testing

@Test func publishedExampleHasItsPointsAndAssignments() throws {
    let vectors = try Vectors.load()
    let placement = makePlacement(of: publishedServers)
    let points = placement.points.map { [$0.value, $0.server] }
    #expect(points.count == 480 && vectors.ketama.points == 480)
    #expect(Array(points.prefix(8)) == vectors.ketama.first8)
    #expect(Array(points.suffix(2)) == vectors.ketama.last2)
    #expect(placement.pointCounts() == [120, 120, 240] && vectors.ketama.perServer == [120, 120, 240])
    #expect(vectors.assignments.count == 8)
    for (key, name) in vectors.assignments { #expect(placement.serverName(key) == name, "\(key)") }
}

/// Answers are indices of the file's order, while the ring is that of the sorted names.
@Test func fileOrderDoesNotMoveKeys() {
    let shuffled = [2, 0, 1].map { publishedServers[$0] }
    for distribution in [Distribution.ketama, .modula] {
        let sorted = makePlacement(distribution, of: publishedServers)
        let other = makePlacement(distribution, of: shuffled)
        #expect(other.points.map { shuffled[Int($0.server)] } == sorted.points.map { publishedServers[Int($0.server)] })
        for number in 0..<500 { #expect(other.serverName("k\(number)") == sorted.serverName("k\(number)")) }
    }
    #expect(makePlacement(of: shuffled).pointCounts() == [240, 120, 120])
}

/// 160 points each, but 156 in the pools where C's `float` rounds the share down.
@Test func equalPoolsHaveTwemproxysPointCounts() {
    let short: Set<Int> = [25, 47, 50, 55, 61, 71, 94, 100, 107, 109, 110, 115, 122, 142, 159, 163, 188, 193]
    for serverCount in short.union(1..<64).union([64, 95, 99, 101, 128, 160, 192, 199]) {
        let placement = makePlacement(of: makeServers([Int](repeating: 1, count: serverCount)))
        let expected = short.contains(serverCount) ? 156 : 160
        #expect(placement.points.count == serverCount * expected, "\(serverCount) servers")
        #expect(placement.pointCount(ofServer: serverCount - 1) == expected, "\(serverCount) servers")
    }
}

@Test func aTinyWeightMayGetNoPoint() {
    let placement = makePlacement(of: makeServers([100_000, 1]))
    #expect(placement.pointCounts() == [316, 0])
    #expect(placement.share(ofServer: 0) == 1 && placement.share(ofServer: 1) == 0)
    for number in 0..<200 { #expect(placement.server("k\(number)") == 0) }
}

@Test func weightsUpToTheLimitAreTaken() {
    let servers = makeServers([Int(Int32.max) - 1, 1])
    for distribution in Distribution.allCases {
        let placement = makePlacement(distribution, of: servers)
        #expect((0...1).contains(placement.server("a")))
        let sum = placement.share(ofServer: 0) + placement.share(ofServer: 1)
        #expect(sum > 0.999_999 && sum < 1.000_001, "\(distribution)")
    }
    #expect(makePlacement(.modula, of: servers).pointCounts() == [Int(Int32.max) - 1, 1])
}

@Test func longNamesAreCutAsTwemproxyCutsThem() {
    let long = String(repeating: "n", count: 271)
    let longer = long + "n"
    // 272 bytes of text: "-" fits behind 271 bytes but no number does, so all digests are the same one.
    let cut = makePlacement(of: [RingServer(name: long, weight: 1), RingServer(name: "b", weight: 1)])
    #expect(Set(cut.points.filter { $0.server == 0 }.map(\.value)).count == 4)
    let text = Array((long + "-").utf8)
    let digest = text.withUnsafeBufferPointer { MD5.digest($0.baseAddress!, count: text.count) }
    #expect(Set(cut.points.filter { $0.server == 0 }.map(\.value)) == Set((0..<4).map { digest[$0] }))
    // Two names with the same first 272 bytes share every point: the earlier in name order takes all.
    let names = [longer + "xx", longer + "y"]
    let twins = makePlacement(of: names.map { RingServer(name: $0, weight: 1) })
    #expect((0..<100).allSatisfy { twins.server("k\($0)") == 1 })
    #expect(twins.share(ofServer: 1) == 1)
}

@Test func modulaListsServersByLengthThenBytes() throws {
    let servers = [
        RingServer(name: "s10", weight: 1), RingServer(name: "s9", weight: 1), RingServer(name: "s1", weight: 2),
    ]
    let placement = makePlacement(.modula, of: servers)
    #expect(placement.points.map { servers[Int($0.server)].name } == (try Vectors.load()).modulaOrder)
    #expect((0..<4).map { servers[placement.server(ofValue: $0)].name } == ["s1", "s1", "s9", "s10"])
    #expect(placement.pointCounts() == [1, 1, 2])
    for key in ["", "a", "foo", "user:1000"] {
        #expect(placement.server(key) == [2, 2, 1, 0][Int(placement.hashValue(of: key) % 4)])
    }
}

/// Goal: an ejection gives exactly the ring of the servers that are left, under their own names.
@Test(arguments: seeds)
func excludingEqualsBuildingWithout(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for distribution in Distribution.allCases {
        let servers = makeServers((0..<12).map { _ in Int.random(in: 1...9, using: &random) })
        let excluded = Set((0..<12).filter { _ in Bool.random(using: &random) }).subtracting([5])
        let kept = servers.indices.filter { !excluded.contains($0) }
        let ejected = makePlacement(distribution, of: servers, excluding: excluded)
        let rebuilt = makePlacement(distribution, of: kept.map { servers[$0] })
        #expect(
            ejected.points
                == rebuilt.points.map { RingPoint(value: $0.value, server: UInt32(kept[Int($0.server)])) },
            "seed \(seed)")
        for _ in 0..<300 {
            let key = random.bytes(countMax: 20)
            let bits = UInt32.random(in: 0...(.max), using: &random)
            #expect(ejected.server(key, random: bits) == kept[rebuilt.server(key, random: bits)], "seed \(seed)")
        }
        for server in excluded {
            #expect(ejected.pointCount(ofServer: server) == 0 && ejected.share(ofServer: server) == 0)
        }
    }
}

/// Equal weights in pools of the same points per server: only the keys of the lost server move.
@Test(arguments: [3, 8, 20])
func removingOneServerMovesOnlyItsKeys(serverCount: Int) {
    let servers = makeServers([Int](repeating: 1, count: serverCount))
    let all = makePlacement(of: servers)
    let fewer = makePlacement(of: servers, excluding: [1])
    var moved = 0
    for number in 0..<5000 {
        let before = all.server("key:\(number)")
        let after = fewer.server("key:\(number)")
        if before == 1 { moved += 1 } else { #expect(before == after) }
        #expect(after != 1)
    }
    #expect(moved > 0 && moved < 2 * 5000 / serverCount)
}

@Test(arguments: seeds)
func sharesAddUpAndFollowTheKeys(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for distribution in Distribution.allCases {
        let placement = makePlacement(distribution, .murmur, of: makeServers([1, 2, 3, 4]))
        var counts = [Int](repeating: 0, count: 4)
        for _ in 0..<20_000 {
            let key = (0..<8).map { _ in UInt8.random(in: 0...255, using: &random) }
            counts[placement.server(key, random: UInt32.random(in: 0...(.max), using: &random))] += 1
        }
        let shares = (0..<4).map { placement.share(ofServer: $0) }
        #expect(abs(shares.reduce(0, +) - 1) < 1e-9)
        for server in 0..<4 {
            #expect(abs(Double(counts[server]) / 20_000 - shares[server]) < 0.03, "\(distribution), seed \(seed)")
        }
    }
    #expect(makePlacement(.random, of: makeServers([1, 2, 3, 4])).share(ofServer: 0) == 0.25)
    #expect(makePlacement(.modula, of: makeServers([1, 2, 3, 4])).share(ofServer: 3) == 0.4)
}

@Test func slotsOfEqualServersAreRedisClisRanges() {
    #expect(lastSlots([1, 1, 1]) == [5460, 10922, 16383])
    #expect(lastSlots([1]) == [16383])
    #expect(lastSlots([1, 1]) == [8191, 16383])
    #expect(lastSlots([1, 1, 1, 1]) == [4095, 8191, 12287, 16383])
    #expect(lastSlots([7, 7, 7, 7, 7]) == [3276, 6553, 9829, 13106, 16383])
    #expect(lastSlots([1, 1, 1, 1, 1, 1]) == [2730, 5460, 8191, 10922, 13652, 16383])
}

@Test func slotsFollowWeightsInFileOrder() {
    #expect(lastSlots([1, 3]) == [4095, 16383])
    #expect(lastSlots([2, 1, 1]) == [8191, 12287, 16383])
    let named = [RingServer(name: "zz", weight: 1), RingServer(name: "a", weight: 1)]
    #expect(makePlacement(.slots, of: named).points.map(\.server) == [0, 1])
    // 16384/100001 of a slot rounds to none; the slots stay whole.
    let uneven = makePlacement(.slots, of: makeServers([1, 100_000]))
    #expect(uneven.pointCounts() == [0, 16384])
    #expect(makePlacement(.slots, of: makeServers([1, 32767])).pointCounts() == [1, 16383])
}

/// Goal: every slot has one owner and ranges run in file order, for any weights and for more servers than slots.
@Test(arguments: seeds)
func slotRangesCoverEverySlotOnce(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for serverCount in [1, 2, 7, 100, 1000, 20_000] {
        let servers = makeServers((0..<serverCount).map { _ in Int.random(in: 1...50, using: &random) })
        let placement = makePlacement(.slots, of: servers)
        let counts = placement.points.reduce(into: [Int: Int]()) { $0[Int($1.server), default: 0] += 1 }
        #expect(counts.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        #expect(placement.points.map(\.server) == placement.points.map(\.server).sorted(), "seed \(seed)")
        #expect(placement.points.map(\.value) == placement.points.map(\.value).sorted(), "seed \(seed)")
        #expect(placement.points.last?.value == 16383, "seed \(seed)")
        let weights = Double(servers.reduce(0) { $0 + $1.weight })
        var owner = 0
        for slot in 0..<16384 {
            let server = placement.server(ofValue: UInt32(slot))
            #expect(server >= owner, "slot \(slot), seed \(seed)")
            owner = server
        }
        if serverCount <= 1000 {
            for server in servers.indices {
                let exact = 16384 * Double(servers[server].weight) / weights
                #expect(abs(Double(placement.pointCount(ofServer: server)) - exact) <= 1, "seed \(seed)")
            }
        }
    }
}

@Test func slotsAreValkeyClusters() {
    let placement = makePlacement(.slots, of: makeServers([1, 1, 1]))
    #expect(placement.slot(of: "foo") == 12182 && placement.slot(of: "") == 0)
    #expect(placement.slot(of: "123456789") == 12739)
    #expect(placement.slot(of: "user:{foo}:name") == 12182)
    #expect(placement.slot(of: "foo{}{bar}") != placement.slot(of: "bar"))
    #expect(placement.slot(of: "foo{{bar}}zap") == placement.slot(of: "{bar"))
    #expect(placement.server("foo") == 2 && placement.server("x{foo}y") == 2 && placement.server("") == 0)
    let angled = makePlacement(.slots, hashTag: "<>", of: makeServers([1, 1, 1]))
    #expect(angled.slot(of: "a<foo>") == 12182)
    #expect(angled.slot(of: "a{foo}") != 12182)
    // A ketama pool without a tag hashes whole keys and still tells Cluster's slot.
    #expect(makePlacement(of: publishedServers).slot(of: "user:{foo}") == 12182)
}

private func lastSlots(_ weights: [Int]) -> [Int] {
    makePlacement(.slots, of: makeServers(weights)).points.map { Int($0.value) }
}

@Test func aWeightBelowOneIsOurBug() async {
    await #expect(processExitsWith: .failure) {
        _ = Placement(
            distribution: .ketama, hash: .fnv1a_64, charSign: .signed, hashTag: nil,
            servers: [RingServer(name: "a", weight: 0)])
    }
}
