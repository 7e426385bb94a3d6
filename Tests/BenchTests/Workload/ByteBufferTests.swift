import Testing

@testable import keyway_bench

struct ByteBufferTests {
    /// Goal: whatever is done, the bytes are those of a plain array. Method: random steps, both kept.
    @Test(arguments: [1, 2, 3]) func behavesAsAnArrayDoes(seed: UInt64) {
        var random = RandomBits(seed: seed, stream: 0)
        var buffer = ByteBuffer(capacityBytes: 0)
        var model: [UInt8] = []
        for step in 0..<3000 {
            switch random.next(below: 8) {
            case 0, 1, 2:
                let bytes = (0..<Int(random.next(below: 200))).map { _ in UInt8(random.next(below: 256)) }
                bytes.withUnsafeBufferPointer {
                    if let start = $0.baseAddress { buffer.append(start, count: $0.count) }
                }
                model += bytes
            case 3:
                buffer.append(7)
                model.append(7)
            case 4:
                let number = Int(truncatingIfNeeded: random.next() >> random.next(below: 64))
                buffer.append(decimal: number)
                model += Array("\(number)".utf8)
            case 5:
                let length = Int(random.next(below: UInt64(min(model.count, 120) + 1)))
                buffer.wrapAsBulk(last: length)
                let body = model.suffix(length)
                model = model.dropLast(length) + bulk(Array(body))
            default:
                let cut = Int(random.next(below: UInt64(model.count + 1)))
                buffer.removeFirst(cut)
                model.removeFirst(cut)
            }
            guard buffer.bytes == model else {
                Issue.record("differs after step \(step) of seed \(seed)")
                return
            }
        }
    }

    @Test func extremeNumbersAreWrittenWhole() {
        for number in [0, 9, 10, 99, 100, -1, -10, .max, .min] {
            var buffer = ByteBuffer(capacityBytes: 0)
            buffer.append(decimal: number)
            #expect(buffer.text == "\(number)")
        }
    }

    @Test func removingAllKeepsOnlySixtyFourKiB() {
        var buffer = ByteBuffer(capacityBytes: 1 << 20)
        buffer.append(1)
        buffer.removeAll()
        #expect(buffer.count == 0)
        #expect(buffer.capacityBytes == 65_536)
        buffer.append(bulkHeader: 12)
        #expect(buffer.text == "$12\r\n")
    }

    @Test func capacityStaysWhenAsMuchLeavesAsComes() {
        var buffer = ByteBuffer(capacityBytes: 1024)
        let bytes = [UInt8](repeating: 5, count: 100)
        for _ in 0..<10_000 {
            buffer.append(bytes, count: 100)
            if buffer.count > 300 { buffer.removeFirst(100) }
        }
        #expect(buffer.capacityBytes == 1024)
    }

    @Test func cuttingMoreThanIsHeldIsOurBug() async {
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer(capacityBytes: 64)
            buffer.append(1)
            buffer.removeFirst(2)
        }
    }
}
