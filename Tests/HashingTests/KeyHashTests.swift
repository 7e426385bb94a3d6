import Hashing
import TestKit
import Testing

@Test func everyHashGivesTwemproxysVectors() throws {
    let vectors = try Vectors.load()
    #expect(vectors.hashSignedChar.count == 10)
    for (text, expected) in vectors.hashSignedChar {
        let key = text.unicodeScalars.map { UInt8($0.value) }
        for hash in KeyHash.allCases {
            let value = try #require(expected[hash.rawValue])
            #expect(hashValue(hash, key) == value, "\(hash) of \(text)")
        }
    }
}

@Test(arguments: [
    (KeyHash.one_at_a_time, 596_015_325 as UInt32), (.md5, 3_675_831_724), (.crc16, 205_303_702), (.crc32, 3187),
    (.crc32a, 2_356_372_769), (.fnv1_64, 1_805_727_027), (.fnv1a_64, 4_275_688_823), (.fnv1_32, 1_083_137_555),
    (.fnv1a_32, 2_851_307_223), (.hsieh, 1_993_659_431), (.murmur, 3_303_027_599), (.jenkins, 2_583_187_353),
])
func fooHasThePublishedHash(hash: KeyHash, value: UInt32) {
    #expect(hashValue(hash, Array("foo".utf8)) == value)
}

@Test(arguments: KeyHash.allCases)
func theHashOfNothingIsZero(hash: KeyHash) {
    #expect(hashValue(hash, []) == 0)
}

/// Goal: ARM's `char` and x86-64's differ where, and only where, twemproxy's builds differ.
/// Method: keys of ASCII agree for every hash; one high byte at every position splits exactly the six that widen it.
@Test func signOfCharMattersToHighBytesOfSixHashes() {
    let widening: Set<KeyHash> = [.one_at_a_time, .fnv1_64, .fnv1a_64, .fnv1_32, .fnv1a_32]
    for hash in KeyHash.allCases {
        for count in 1...13 {
            let ascii = (0..<count).map { UInt8(0x40 + $0) }
            #expect(hashValue(hash, ascii, charSign: .signed) == hashValue(hash, ascii, charSign: .unsigned))
            for position in 0..<count {
                var key = ascii
                key[position] = 0x80
                let differ = hashValue(hash, key, charSign: .signed) != hashValue(hash, key, charSign: .unsigned)
                let expected = widening.contains(hash) || (hash == .hsieh && count % 4 == 3 && position == count - 1)
                #expect(differ == expected, "\(hash), byte \(position) of \(count)")
            }
        }
    }
}

/// Goal: the unsigned variants and the low-half shortcut of the 64-bit FNVs are the textbook functions.
/// Method: textbook loops over 64-bit integers, and published values of the standard functions.
@Test(arguments: seeds)
func fnvAndOneAtATimeAgreeWithTheTextbook(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    for _ in 0..<100 {
        let key = random.bytes(countMax: 40)
        guard !key.isEmpty else { continue }
        for sign in CharSign.allCases {
            let wide = key.map { sign == .signed ? UInt64(bitPattern: Int64(Int8(bitPattern: $0))) : UInt64($0) }
            let fnv1 = wide.reduce(0xcbf2_9ce4_8422_2325) { ($0 &* 0x100_0000_01b3) ^ $1 }
            let fnv1a = wide.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ $1) &* 0x100_0000_01b3 }
            var slow: UInt32 = 0
            for byte in wide {
                slow &+= UInt32(truncatingIfNeeded: byte)
                slow &+= slow << 10
                slow ^= slow >> 6
            }
            slow &+= slow << 3
            slow ^= slow >> 11
            slow &+= slow << 15
            #expect(hashValue(.fnv1_64, key, charSign: sign) == UInt32(truncatingIfNeeded: fnv1), "seed \(seed)")
            #expect(hashValue(.fnv1a_64, key, charSign: sign) == UInt32(truncatingIfNeeded: fnv1a), "seed \(seed)")
            #expect(hashValue(.one_at_a_time, key, charSign: sign) == slow, "seed \(seed)")
        }
    }
    #expect(hashValue(.fnv1_32, Array("foobar".utf8)) == 0x31f0_b262)
    #expect(hashValue(.fnv1a_32, Array("foobar".utf8)) == 0xbf9c_f968)
    let oneByte: UInt32 = (0x811c_9dc5 ^ 0xff) &* 0x0100_0193
    #expect(hashValue(.fnv1a_32, [0xff], charSign: .unsigned) == oneByte)
}

@Test func checksumsHaveTheirCatalogueValues() {
    let digits = Array("123456789".utf8)
    #expect(hashValue(.crc16, digits) & 0xffff == 0x31c3)
    #expect(hashValue(.crc32a, digits) == 0xcbf4_3926)
    #expect(hashValue(.crc32, digits) == (0xcbf4_3926 >> 16) & 0x7fff)
}

/// Goal: no hash reads past a key, and none depends on where the key lies in memory.
/// Method: the same key at sixteen alignments, between bytes that change.
@Test(arguments: KeyHash.allCases)
func neighboursAndAlignmentDoNotMatter(hash: KeyHash) {
    let placement = makePlacement(.ketama, hash, of: makeServers([1, 1, 1, 1, 1, 1, 1]))
    for count in 1...29 {
        let key = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        let expected = placement.server(key)
        for shift in 0..<16 {
            for filler: UInt8 in [0x00, 0xff] {
                let padded = [UInt8](repeating: filler, count: shift) + key + [UInt8](repeating: filler, count: 16)
                let server = withExtendedLifetime(placement) {
                    padded.withUnsafeBufferPointer {
                        placement.view.serverIndex(key: $0.baseAddress! + shift, count: count, random: 0)
                    }
                }
                #expect(server == expected, "\(count) bytes at \(shift)")
            }
        }
    }
}

@Test func configWordsAreTwemproxys() {
    let words = [
        "one_at_a_time", "md5", "crc16", "crc32", "crc32a", "fnv1_64", "fnv1a_64", "fnv1_32", "fnv1a_32", "hsieh",
        "murmur", "jenkins",
    ]
    #expect(KeyHash.allCases.map(\.rawValue) == words)
    #expect(Distribution.allCases.map(\.rawValue) == ["ketama", "modula", "random", "slots"])
    #expect(CharSign.allCases.map(\.rawValue) == ["signed", "unsigned"])
}
