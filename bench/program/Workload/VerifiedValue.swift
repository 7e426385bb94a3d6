// VerifiedValue: a value that says what it is, so that a read can tell whether it is the right one.
//
//   key:000000000042|9f3ac01d|001|000000000007|000000064|filler
//   key              run      thread sequence   length    to the value's end
//
// All fields have fixed widths. The filler is binary and follows from everything before it: every byte is checked, and
// a value cut, mixed of two, or altered in its header does not hold together. At least 8 bytes of filler must be there.
// Not here: which sequences are right (Ledger).

struct VerifiedValue: BitwiseCopyable {
    static let fillerBytesMin = 8
    /// Threads that the field has room for.
    static let threadCountMax = 1000
    private static let fieldsBytes = 1 + 8 + 1 + 3 + 1 + 12 + 1 + 9 + 1

    struct Label: Equatable {
        var run: UInt32
        var thread: Int
        var sequence: UInt64
    }

    enum Reading: Equatable {
        case whole(Label)
        /// Not the value of this key: it begins otherwise.
        case otherKey
        /// It begins with the key, but the fields behind it make no sense.
        case malformed
        /// Length or filler do not agree with the fields.
        case broken(Label)
    }

    let prefixBytes: Int
    let keyDigits: Int

    /// Header bytes: the key and the fields.
    var headerBytes: Int { prefixBytes + keyDigits + Self.fieldsBytes }
    /// The shortest value that can be verified.
    var sizeBytesMin: Int { headerBytes + Self.fillerBytesMin }

    /// Writes a value of `sizeBytes`, at least `sizeBytesMin`.
    func write(
        _ label: Label, key: Int, prefix: UnsafePointer<UInt8>, sizeBytes: Int, at start: UnsafeMutablePointer<UInt8>
    ) {
        start.update(from: prefix, count: prefixBytes)
        var place = start + prefixBytes
        Decimal.write(key, at: place, width: keyDigits)
        place += keyDigits
        let bar = UInt8(ascii: "|")
        place[0] = bar
        Decimal.writeHex(label.run, at: place + 1)
        place[9] = bar
        Decimal.write(label.thread, at: place + 10, width: 3)
        place[13] = bar
        Decimal.write(Int(truncatingIfNeeded: label.sequence), at: place + 14, width: 12)
        place[26] = bar
        Decimal.write(sizeBytes, at: place + 27, width: 9)
        place[36] = bar
        let seed = Self.fillerSeed(label, key: key, sizeBytes: sizeBytes)
        let filler = UnsafeMutableRawPointer(start + headerBytes)
        let count = sizeBytes &- headerBytes
        var offset = 0
        while offset &+ 8 <= count {
            filler.storeBytes(of: Self.filler(seed, offset), toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        var rest = Self.filler(seed, offset)
        while offset < count {
            filler.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: offset, as: UInt8.self)
            rest >>= 8
            offset &+= 1
        }
    }

    func read(_ start: UnsafePointer<UInt8>, sizeBytes: Int, key: Int, prefix: UnsafePointer<UInt8>) -> Reading {
        guard sizeBytes >= sizeBytesMin, isKey(key, prefix: prefix, at: start) else { return .otherKey }
        let place = start + (prefixBytes + keyDigits)
        let bar = UInt8(ascii: "|")
        guard place[0] == bar, place[9] == bar, place[13] == bar, place[26] == bar, place[36] == bar,
            let run = Decimal.readHex(place + 1), let thread = Decimal.read(place + 10, width: 3),
            let sequence = Decimal.read(place + 14, width: 12), let length = Decimal.read(place + 27, width: 9)
        else { return .malformed }
        let label = Label(run: run, thread: thread, sequence: UInt64(sequence))
        guard length == sizeBytes else { return .broken(label) }
        let seed = Self.fillerSeed(label, key: key, sizeBytes: sizeBytes)
        return isFilled(start + headerBytes, count: sizeBytes &- headerBytes, seed) ? .whole(label) : .broken(label)
    }

    private func isKey(_ key: Int, prefix: UnsafePointer<UInt8>, at start: UnsafePointer<UInt8>) -> Bool {
        for index in 0..<prefixBytes where start[index] != prefix[index] { return false }
        return Decimal.read(start + prefixBytes, width: keyDigits) == key
    }

    private func isFilled(_ start: UnsafePointer<UInt8>, count: Int, _ seed: UInt64) -> Bool {
        let filler = UnsafeRawPointer(start)
        var offset = 0
        while offset &+ 8 <= count {
            if filler.loadUnaligned(fromByteOffset: offset, as: UInt64.self) != Self.filler(seed, offset) {
                return false
            }
            offset &+= 8
        }
        var rest = Self.filler(seed, offset)
        while offset < count {
            if start[offset] != UInt8(truncatingIfNeeded: rest) { return false }
            rest >>= 8
            offset &+= 1
        }
        return true
    }

    private static func fillerSeed(_ label: Label, key: Int, sizeBytes: Int) -> UInt64 {
        let origin = RandomBits.scatter(UInt64(label.run) << 32 | UInt64(truncatingIfNeeded: label.thread))
        let ofKey = RandomBits.scatter(origin &+ UInt64(truncatingIfNeeded: key) &* RandomBits.golden)
        return RandomBits.scatter(ofKey ^ label.sequence) &+ UInt64(truncatingIfNeeded: sizeBytes)
    }

    /// The eight bytes at `offset`, the first of them lowest; every machine we run on stores them in that order.
    @inline(__always)
    private static func filler(_ seed: UInt64, _ offset: Int) -> UInt64 {
        RandomBits.scatter(seed &+ UInt64(truncatingIfNeeded: offset) &* RandomBits.golden)
    }
}
