// Jenkins: Bob Jenkins' lookup3 (hashlittle) with twemproxy's initial value 13.
// Read as bytes on every machine: the answer does not depend on where the key lies in memory.

func jenkinsLookup3(_ key: UnsafePointer<UInt8>, count: Int) -> UInt32 {
    var state = Lookup3(start: 0xdead_beef &+ UInt32(truncatingIfNeeded: count) &+ 13)
    guard count > 0 else { return state.c }
    var offset = 0
    while count - offset > 12 {  // The last 1 to 12 bytes are for the final mix.
        state.add(key.word(at: offset), key.word(at: offset + 4), key.word(at: offset + 8))
        state.mix()
        offset += 12
    }
    let rest = count - offset
    state.add(
        key.partialWord(at: offset, count: rest),
        key.partialWord(at: offset + 4, count: rest - 4),
        key.partialWord(at: offset + 8, count: rest - 8))
    state.finish()
    return state.c
}

/// The three words of lookup3; the rotations are the published ones.
private struct Lookup3 {
    var a: UInt32
    var b: UInt32
    var c: UInt32

    init(start: UInt32) {
        a = start
        b = start
        c = start
    }

    mutating func add(_ first: UInt32, _ second: UInt32, _ third: UInt32) {
        a &+= first
        b &+= second
        c &+= third
    }

    mutating func mix() {
        Self.mixStep(&a, &c, &b, by: 4)
        Self.mixStep(&b, &a, &c, by: 6)
        Self.mixStep(&c, &b, &a, by: 8)
        Self.mixStep(&a, &c, &b, by: 16)
        Self.mixStep(&b, &a, &c, by: 19)
        Self.mixStep(&c, &b, &a, by: 4)
    }

    mutating func finish() {
        Self.finishStep(&c, b, by: 14)
        Self.finishStep(&a, c, by: 11)
        Self.finishStep(&b, a, by: 25)
        Self.finishStep(&c, b, by: 16)
        Self.finishStep(&a, c, by: 4)
        Self.finishStep(&b, a, by: 14)
        Self.finishStep(&c, b, by: 24)
    }

    private static func mixStep(_ x: inout UInt32, _ y: inout UInt32, _ z: inout UInt32, by bits: UInt32) {
        x = (x &- y) ^ rotatedLeft(y, by: bits)
        y &+= z
    }

    private static func finishStep(_ x: inout UInt32, _ y: UInt32, by bits: UInt32) {
        x = (x ^ y) &- rotatedLeft(y, by: bits)
    }
}

/// `word` turned left by `bits`, in 1 ... 31.
func rotatedLeft(_ word: UInt32, by bits: UInt32) -> UInt32 {
    (word &<< bits) | (word &>> (32 &- bits))
}
