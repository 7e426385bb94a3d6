// RandomBits: the dice of one thread, xoshiro256** seeded by splitmix64 (Blackman and Vigna). Not for secrets.
// The same seed and stream give the same numbers on every machine; streams of one seed are independent.
// Not here: what is drawn with them (KeySampler, ValueSampler).

struct RandomBits: BitwiseCopyable {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    /// - Parameter stream: a number for each user of the seed, its thread's index say.
    init(seed: UInt64, stream: UInt64) {
        // Seed and stream are mixed first: seed 1 stream 2 must not be seed 2 stream 1.
        let origin = Self.scatter(seed) ^ Self.scatter(~stream)
        a = Self.scatter(origin &+ Self.golden)
        b = Self.scatter(origin &+ 2 &* Self.golden)
        c = Self.scatter(origin &+ 3 &* Self.golden)
        // Four zeros would stay zeros for ever.
        d = Self.scatter(origin &+ 4 &* Self.golden) | 1
    }

    init(state: (UInt64, UInt64, UInt64, UInt64)) {
        precondition(state != (0, 0, 0, 0))
        (a, b, c, d) = state
    }

    /// 2^64 divided by the golden ratio, odd.
    static var golden: UInt64 { 0x9E37_79B9_7F4A_7C15 }

    /// Spreads every bit of the input over all bits of the output; one-to-one (the finaliser of splitmix64).
    @inline(__always)
    static func scatter(_ bits: UInt64) -> UInt64 {
        var mixed = bits
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        let product = b &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = b << 17
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = (d << 45) | (d >> 19)
        return result
    }

    /// A number in `0..<bound`; `bound` is at least 1. Off an even spread by less than `bound` / 2^64.
    @inline(__always)
    mutating func next(below bound: UInt64) -> UInt64 {
        next().multipliedFullWidth(by: bound).high
    }

    /// A number in `0..<1`, a multiple of 2^-53.
    @inline(__always)
    mutating func nextUnit() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}
