import Hashing
import TestKit
import Testing

/// The slow, obvious answer: walk the ring from its start.
private func firstPoint(atOrAbove value: UInt32, in points: [RingPoint]) -> Int {
    Int((points.first { $0.value >= value } ?? points[0]).server)
}

/// Goal: the table over the top bits never changes an answer, whatever the size of a ring and its weights.
/// Method: random rings and keys against a walk from the start of the ring; every hash, so 15-bit ones as well.
@Test(arguments: seeds)
func lookUpAgreesWithAWalkAlongTheRing(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<20 {
        let serverCount = Int.random(in: 2...60, using: &random)
        let weightMax = [1, 3, 1000].randomElement(using: &random) ?? 1
        let servers = makeServers((0..<serverCount).map { _ in Int.random(in: 1...weightMax, using: &random) })
        let hash = KeyHash.allCases.randomElement(using: &random) ?? .fnv1a_64
        let ketama = makePlacement(.ketama, hash, of: servers)
        let defaults = makePlacement(.ketama, .fnv1a_64, of: servers)
        let modula = makePlacement(.modula, hash, of: servers)
        let weights = servers.reduce(0) { $0 + $1.weight }
        for _ in 0..<200 {
            let key = random.bytes(countMax: 30)
            let value = ketama.hashValue(of: key)
            #expect(ketama.server(key) == firstPoint(atOrAbove: value, in: ketama.points), "seed \(seed)")
            #expect(
                defaults.server(key) == firstPoint(atOrAbove: defaults.hashValue(of: key), in: defaults.points),
                "seed \(seed)")
            let remainder = value % UInt32(weights)
            #expect(modula.server(key) == firstPoint(atOrAbove: remainder, in: modula.points), "seed \(seed)")
        }
    }
}

/// Goal: borders and the wrap-around, which keys almost never meet.
/// Method: the numbers at, below and above every point, and both ends.
@Test(arguments: [1, 2, 3, 5, 25, 200])
func everyPointOwnsUpToItselfAndTheFirstOwnsTheWrap(serverCount: Int) {
    let ketama = makePlacement(of: makeServers((0..<serverCount).map { 1 + $0 % 3 }))
    let points = ketama.points
    var server = Int(points[0].server)
    for value in [0, 1, points[points.count - 1].value &+ 1, .max - 1, .max] {
        #expect(ketama.server(ofValue: value) == firstPoint(atOrAbove: value, in: points))
    }
    for (index, point) in points.enumerated() {
        if index == 0 || points[index - 1].value < point.value { server = Int(point.server) }
        #expect(ketama.server(ofValue: point.value) == server)
        let next = points[(index + 1) % points.count]
        if next.value != point.value &+ 1, point.value != next.value {
            #expect(ketama.server(ofValue: point.value &+ 1) == Int(next.server))
        }
    }
}

/// Goal: runs of very different size, where all but one point crowd into one bucket.
/// Method: every number near the borders of a modula ring of ones and one giant, against twemproxy's list.
@Test func crowdedPointsAreStillToldApart() {
    let weights = [Int](repeating: 1, count: 99) + [1_000_000_000]
    let servers = weights.enumerated().map { RingServer(name: "s\(100 + $0.offset)", weight: $0.element) }
    let modula = makePlacement(.modula, of: servers)
    for value in 0..<99 { #expect(modula.server(ofValue: UInt32(value)) == value) }
    for value: UInt32 in [99, 100, 1 << 20, 1_000_000_098] { #expect(modula.server(ofValue: value) == 99) }
}

@Test func randomFollowsTheBitsAndNotTheKeyOrTheWeights() {
    let placement = makePlacement(.random, of: makeServers([1, 100, 1, 7]))
    for quarter in 0..<4 {
        let first = UInt32(quarter) << 30
        for bits in [first, first + 0x3fff_ffff] {
            #expect(placement.server(Array("a".utf8), random: bits) == quarter)
            #expect(placement.server([], random: bits) == quarter)
        }
    }
}

@Test(arguments: Distribution.allCases)
func oneServerTakesAllAndNoneIsMinusOne(distribution: Distribution) {
    let alone = makePlacement(distribution, of: makeServers([3]))
    let left = makePlacement(distribution, of: makeServers([3, 1, 1]), excluding: [0, 2])
    let none = makePlacement(distribution, of: makeServers([3, 1]), excluding: [0, 1])
    let empty = makePlacement(distribution, of: [])
    for key in ["", "a", "{}", "user:1000"] {
        #expect(alone.server(key) == 0)
        #expect(left.server(key) == 1)
        #expect(none.server(key) == -1)
        #expect(empty.server(key) == -1)
    }
    #expect(none.points.isEmpty && none.pointCounts() == [0, 0] && none.share(ofServer: 0) == 0)
    #expect(none.server(ofValue: 7) == -1)
}

/// twemproxy does not hash an empty key: it stands at 0, so the first point takes it.
@Test(arguments: KeyHash.allCases)
func theEmptyKeyGoesToTheFirstPoint(hash: KeyHash) {
    for distribution in [Distribution.ketama, .modula, .slots] {
        let placement = makePlacement(distribution, hash, of: makeServers([2, 1, 1]))
        #expect(placement.server("") == Int(placement.points[0].server))
    }
}
