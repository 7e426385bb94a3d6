import Testing

@testable import keyway_bench

struct DecimalTests {
    private func written(_ number: Int, width: Int) -> String {
        String(unsafeUninitializedCapacity: width) {
            Decimal.write(number, at: $0.baseAddress!, width: width)
            return width
        }
    }

    @Test func numbersArePaddedToTheWidth() {
        #expect(written(12345, width: 12) == "000000012345")
        #expect(written(0, width: 1) == "0")
        #expect(written(123, width: 3) == "123")
        #expect(written(987_654_321, width: 9) == "987654321")
        #expect(written(-7, width: 2) == "-7")
    }

    @Test func readingUndoesWriting() {
        var random = RandomBits(seed: 3, stream: 0)
        for width in 1...18 {
            let bound = (0..<width).reduce(UInt64(1)) { power, _ in power * 10 }
            for _ in 0..<200 {
                let number = Int(random.next(below: bound))
                #expect(
                    Array(written(number, width: width).utf8).withUnsafeBufferPointer {
                        Decimal.read($0.baseAddress!, width: width)
                    } == number)
            }
        }
    }

    @Test func everyByteThatIsNoDigitIsFound() {
        for byte in UInt8.min ... .max where !(48...57).contains(byte) {
            #expect(Decimal.read([49, byte, 50], width: 3) == nil)
        }
    }

    @Test func hexadecimalGoesThereAndBackInSmallLettersOnly() {
        var bytes = [UInt8](repeating: 0, count: 8)
        Decimal.writeHex(0x9F3A_C01D, at: &bytes)
        #expect(bytes == Array("9f3ac01d".utf8))
        #expect(Decimal.readHex(bytes) == 0x9F3A_C01D)
        #expect(Decimal.readHex(Array("9F3ac01d".utf8)) == nil)
        #expect(Decimal.readHex(Array("9g3ac01d".utf8)) == nil)
    }
}
