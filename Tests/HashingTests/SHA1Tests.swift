// SHA1 against the vectors of RFC 3174 and every length around a block.

import Testing

@testable import Hashing

@Suite struct SHA1Tests {
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        ("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
        (String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
    ])
    func digestsAreThePublishedOnes(message: String, digest: String) {
        #expect(String(decoding: SHA1.hexDigest(of: Array(message.utf8)), as: UTF8.self) == digest)
    }

    @Test func everyLengthAroundABlockHasItsOwn() {
        let digests = (0..<200).map { SHA1.hexDigest(of: [UInt8](repeating: 7, count: $0)) }
        #expect(Set(digests).count == digests.count && digests.allSatisfy { $0.count == 40 })
    }
}
