// MD5: the digest of RFC 1321, for ketama's points and for the key hash `md5`.
// Our own because it runs per key and must not allocate; it places keys and protects nothing.
// The 64 steps are written out: constants become immediates and no table is read.

package enum MD5 {
    /// The digest of `count` bytes as four words; byte 0 of the digest is the lowest byte of word 0.
    package static func digest(_ message: UnsafePointer<UInt8>, count: Int) -> SIMD4<UInt32> {
        var state = SIMD4<UInt32>(0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476)
        var words = SIMD16<UInt32>()
        let tail = count & ~63
        for block in stride(from: 0, to: tail, by: 64) {
            for index in 0..<16 { words[index] = message.word(at: block + 4 * index) }
            add(words, to: &state)
        }

        // The rest, one bit of 1, zeros, and in the last 8 bytes the length in bits.
        let rest = count - tail
        for index in 0..<16 { words[index] = message.partialWord(at: tail + 4 * index, count: rest - 4 * index) }
        words[rest / 4] |= 0x80 << UInt32(8 * (rest % 4))
        if rest >= 56 {
            add(words, to: &state)
            words = SIMD16()
        }
        let lengthBits = UInt64(count) << 3
        words[14] = UInt32(truncatingIfNeeded: lengthBits)
        words[15] = UInt32(truncatingIfNeeded: lengthBits >> 32)
        add(words, to: &state)
        return state
    }

    /// Mixes one block of 64 bytes into `state`.
    private static func add(_ words: SIMD16<UInt32>, to state: inout SIMD4<UInt32>) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])

        // Round 1.
        step(&a, b, choose(b, c, d), words[0], 0xd76a_a478, 7)
        step(&d, a, choose(a, b, c), words[1], 0xe8c7_b756, 12)
        step(&c, d, choose(d, a, b), words[2], 0x2420_70db, 17)
        step(&b, c, choose(c, d, a), words[3], 0xc1bd_ceee, 22)
        step(&a, b, choose(b, c, d), words[4], 0xf57c_0faf, 7)
        step(&d, a, choose(a, b, c), words[5], 0x4787_c62a, 12)
        step(&c, d, choose(d, a, b), words[6], 0xa830_4613, 17)
        step(&b, c, choose(c, d, a), words[7], 0xfd46_9501, 22)
        step(&a, b, choose(b, c, d), words[8], 0x6980_98d8, 7)
        step(&d, a, choose(a, b, c), words[9], 0x8b44_f7af, 12)
        step(&c, d, choose(d, a, b), words[10], 0xffff_5bb1, 17)
        step(&b, c, choose(c, d, a), words[11], 0x895c_d7be, 22)
        step(&a, b, choose(b, c, d), words[12], 0x6b90_1122, 7)
        step(&d, a, choose(a, b, c), words[13], 0xfd98_7193, 12)
        step(&c, d, choose(d, a, b), words[14], 0xa679_438e, 17)
        step(&b, c, choose(c, d, a), words[15], 0x49b4_0821, 22)

        // Round 2.
        step(&a, b, chooseByLast(b, c, d), words[1], 0xf61e_2562, 5)
        step(&d, a, chooseByLast(a, b, c), words[6], 0xc040_b340, 9)
        step(&c, d, chooseByLast(d, a, b), words[11], 0x265e_5a51, 14)
        step(&b, c, chooseByLast(c, d, a), words[0], 0xe9b6_c7aa, 20)
        step(&a, b, chooseByLast(b, c, d), words[5], 0xd62f_105d, 5)
        step(&d, a, chooseByLast(a, b, c), words[10], 0x0244_1453, 9)
        step(&c, d, chooseByLast(d, a, b), words[15], 0xd8a1_e681, 14)
        step(&b, c, chooseByLast(c, d, a), words[4], 0xe7d3_fbc8, 20)
        step(&a, b, chooseByLast(b, c, d), words[9], 0x21e1_cde6, 5)
        step(&d, a, chooseByLast(a, b, c), words[14], 0xc337_07d6, 9)
        step(&c, d, chooseByLast(d, a, b), words[3], 0xf4d5_0d87, 14)
        step(&b, c, chooseByLast(c, d, a), words[8], 0x455a_14ed, 20)
        step(&a, b, chooseByLast(b, c, d), words[13], 0xa9e3_e905, 5)
        step(&d, a, chooseByLast(a, b, c), words[2], 0xfcef_a3f8, 9)
        step(&c, d, chooseByLast(d, a, b), words[7], 0x676f_02d9, 14)
        step(&b, c, chooseByLast(c, d, a), words[12], 0x8d2a_4c8a, 20)

        // Round 3.
        step(&a, b, parity(b, c, d), words[5], 0xfffa_3942, 4)
        step(&d, a, parity(a, b, c), words[8], 0x8771_f681, 11)
        step(&c, d, parity(d, a, b), words[11], 0x6d9d_6122, 16)
        step(&b, c, parity(c, d, a), words[14], 0xfde5_380c, 23)
        step(&a, b, parity(b, c, d), words[1], 0xa4be_ea44, 4)
        step(&d, a, parity(a, b, c), words[4], 0x4bde_cfa9, 11)
        step(&c, d, parity(d, a, b), words[7], 0xf6bb_4b60, 16)
        step(&b, c, parity(c, d, a), words[10], 0xbebf_bc70, 23)
        step(&a, b, parity(b, c, d), words[13], 0x289b_7ec6, 4)
        step(&d, a, parity(a, b, c), words[0], 0xeaa1_27fa, 11)
        step(&c, d, parity(d, a, b), words[3], 0xd4ef_3085, 16)
        step(&b, c, parity(c, d, a), words[6], 0x0488_1d05, 23)
        step(&a, b, parity(b, c, d), words[9], 0xd9d4_d039, 4)
        step(&d, a, parity(a, b, c), words[12], 0xe6db_99e5, 11)
        step(&c, d, parity(d, a, b), words[15], 0x1fa2_7cf8, 16)
        step(&b, c, parity(c, d, a), words[2], 0xc4ac_5665, 23)

        // Round 4.
        step(&a, b, carry(b, c, d), words[0], 0xf429_2244, 6)
        step(&d, a, carry(a, b, c), words[7], 0x432a_ff97, 10)
        step(&c, d, carry(d, a, b), words[14], 0xab94_23a7, 15)
        step(&b, c, carry(c, d, a), words[5], 0xfc93_a039, 21)
        step(&a, b, carry(b, c, d), words[12], 0x655b_59c3, 6)
        step(&d, a, carry(a, b, c), words[3], 0x8f0c_cc92, 10)
        step(&c, d, carry(d, a, b), words[10], 0xffef_f47d, 15)
        step(&b, c, carry(c, d, a), words[1], 0x8584_5dd1, 21)
        step(&a, b, carry(b, c, d), words[8], 0x6fa8_7e4f, 6)
        step(&d, a, carry(a, b, c), words[15], 0xfe2c_e6e0, 10)
        step(&c, d, carry(d, a, b), words[6], 0xa301_4314, 15)
        step(&b, c, carry(c, d, a), words[13], 0x4e08_11a1, 21)
        step(&a, b, carry(b, c, d), words[4], 0xf753_7e82, 6)
        step(&d, a, carry(a, b, c), words[11], 0xbd3a_f235, 10)
        step(&c, d, carry(d, a, b), words[2], 0x2ad7_d2bb, 15)
        step(&b, c, carry(c, d, a), words[9], 0xeb86_d391, 21)

        state &+= SIMD4(a, b, c, d)
    }

    @inline(__always)
    private static func step(
        _ target: inout UInt32, _ base: UInt32, _ mixed: UInt32, _ word: UInt32, _ constant: UInt32, _ bits: UInt32
    ) {
        target = base &+ rotatedLeft(target &+ mixed &+ word &+ constant, by: bits)
    }

    // The four functions of the RFC: F, G, H and I.
    @inline(__always)
    private static func choose(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { (x & y) | (~x & z) }
    @inline(__always)
    private static func chooseByLast(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { (x & z) | (y & ~z) }
    @inline(__always)
    private static func parity(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { x ^ y ^ z }
    @inline(__always)
    private static func carry(_ x: UInt32, _ y: UInt32, _ z: UInt32) -> UInt32 { y ^ (x | ~z) }
}
