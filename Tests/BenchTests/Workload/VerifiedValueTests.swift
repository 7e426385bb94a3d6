import Testing

@testable import keyway_bench

struct VerifiedValueTests {
    private let form = VerifiedValue(prefixBytes: 4, keyDigits: 12)
    private let prefix = Array("key:".utf8)
    private let label = VerifiedValue.Label(run: 0x9F3A_C01D, thread: 1, sequence: 7)

    private func value(_ sizeBytes: Int, _ label: VerifiedValue.Label? = nil, key: Int = 42) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: sizeBytes)
        form.write(label ?? self.label, key: key, prefix: prefix, sizeBytes: sizeBytes, at: &bytes)
        return bytes
    }

    private func read(_ bytes: [UInt8], key: Int = 42) -> VerifiedValue.Reading {
        form.read(bytes, sizeBytes: bytes.count, key: key, prefix: prefix)
    }

    @Test func theHeaderIsText() {
        let bytes = value(64)
        #expect(
            String(decoding: bytes.prefix(53), as: UTF8.self) == "key:000000000042|9f3ac01d|001|000000000007|000000064|"
        )
        #expect(form.headerBytes == 53 && form.sizeBytesMin == 61)
    }

    @Test func everySizeIsReadAsItWasWritten() {
        for size in 61...200 { #expect(read(value(size)) == .whole(label)) }
        #expect(read(value(100_000)) == .whole(label))
    }

    /// Goal: no byte is unchecked. Method: each byte of values of several sizes altered in turn, in two ways.
    @Test(arguments: [61, 64, 69, 100]) func everyAlteredByteIsFound(size: Int) {
        let good = value(size)
        for index in good.indices {
            for flip: UInt8 in [1, 0x80] {
                var bad = good
                bad[index] ^= flip
                if case .whole(let found) = read(bad) { Issue.record("byte \(index) altered, read as \(found)") }
            }
        }
    }

    @Test func everyCutAndEveryMixtureIsFound() {
        let (one, other) = (value(100), value(100, .init(run: label.run, thread: 1, sequence: 8)))
        for cut in 0..<100 {
            if case .whole = read(Array(one.prefix(cut))) { Issue.record("cut after \(cut)") }
            // One value up to the cut, another behind it; the two differ from byte 41 on.
            guard cut > 41, cut < 99 else { continue }
            if case .whole = read(Array(one.prefix(cut) + other.dropFirst(cut))) { Issue.record("mixed at \(cut)") }
        }
    }

    @Test func readingsSayWhatIsWrong() {
        #expect(read(value(64), key: 43) == .otherKey)
        #expect(read([]) == .otherKey)
        var bad = value(64)
        bad[60] ^= 1
        #expect(read(bad) == .broken(label))
        bad = value(64)
        bad[17] = UInt8(ascii: "x")
        #expect(read(bad) == .malformed)
        #expect(read(value(64) + [0]) == .broken(label))
    }
}
