// PastFailures: seeds whose run once failed, with what they found. Each is run first, for ever.
// A seed means another run once the drawing of a run changes; what it found has a test of its own as well.

struct PastFailure {
    let seed: UInt64
    let lies: Bool
    let found: String
}

let pastFailures = [
    PastFailure(
        seed: 18, lies: true,
        found: "a request that timed out unwritten was kept for the next connection, and torn by the next timeout"),
    PastFailure(
        seed: 373_223_709_697, lies: true,
        found: "a long request that timed out before its connection stood trapped"),
    PastFailure(
        seed: 535_897_961_596, lies: false,
        found: "a late reply, cut before a byte >, was taken for a push: replies went to the wrong requests"),
    PastFailure(seed: 329_561_585_020, lies: true, found: "the same, with a value of another client"),
    PastFailure(
        seed: 496_154_012_367, lies: true,
        found: "a read that was kept behind tombstones counted as one, and its line was failed twice"),
    PastFailure(
        seed: 437_955_899_559, lies: true,
        found: "an EXEC that was never sent left its keys watched on a line that went to another client"),
    PastFailure(
        seed: 172_774_584_591, lies: false,
        found: "a worker that ended after a reload kept the front of a reply that was not all there"),
    PastFailure(
        seed: 387_158_517_513, lies: true,
        found: "the same, and the parts of a reply to a client that had gone"),
    PastFailure(
        seed: 957_483_296_640, lies: false,
        found: "a client that stayed, as the newer process had died, kept the connection that was lent to it"),
    PastFailure(
        seed: 17, lies: false,
        found: "a worker ended that had called a shard down, and for those who stayed it was never in the ring again"),
    PastFailure(
        seed: 40_175, lies: false,
        found: "the same, with clients that came when the newer process had died"),
    PastFailure(
        seed: 746_250_412_692, lies: true,
        found: "PUBLISH counted listeners that a drain had cut, in the generation of workers that went on"),
]
