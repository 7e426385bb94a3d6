import Foundation
import Hashing
import TestKit
import Testing

/// Goal: what people are told is what the look-up does. Method: random rings and keys, every distribution and hash.
@Test(arguments: seeds)
func theStepsLeadToTheServerOfTheLookUp(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    for _ in 0..<40 {
        let servers = makeServers((0..<Int.random(in: 1...9, using: &random)).map { 1 + $0 % 3 })
        let placement = makePlacement(
            [Distribution.ketama, .modula, .slots].randomElement(using: &random)!,
            KeyHash.allCases.randomElement(using: &random)!,
            hashTag: [nil, "{}", "$$"].randomElement(using: &random)!, of: servers)
        for _ in 0..<100 {
            let key = random.bytes(countMax: 12).map { $0 % 4 == 0 ? "{}$a".utf8.randomElement(using: &random)! : $0 }
            let place = try #require(placement.place(of: key))
            #expect(place.serverIndex == placement.server(key), "seed \(seed), \(placement.distribution), \(key)")
            guard placement.distribution != .slots else {
                #expect(Int(place.point) == placement.slot(of: key) && place.hash % 16_384 == place.point)
                continue
            }
            #expect(place.hash == placement.hashValue(of: key) && place.hashed.count <= key.count)
        }
    }
}

@Test func ofAKeyWithAHashTagTheTagIsHashed() throws {
    let place = try #require(makePlacement(hashTag: "{}", of: publishedServers).place(of: Array("{7}:cart".utf8)))
    #expect(place.hashed == Array("7".utf8))
    let other = try #require(makePlacement(of: publishedServers).place(of: Array("{7}:cart".utf8)))
    #expect(other.hashed == Array("{7}:cart".utf8) && other.hash != place.hash)
    let slot = try #require(makePlacement(.slots, of: publishedServers).place(of: Array("{7}:cart".utf8)))
    #expect(slot.hashed == Array("7".utf8), "braces are Valkey Cluster's")
}

@Test func whereShardsAreDrawnThereIsNoPlace() {
    #expect(makePlacement(.random, of: publishedServers).place(of: [1]) == nil)
    #expect(makePlacement(of: publishedServers, excluding: [0, 1, 2]).place(of: [1]) == nil)
}
