import Testing

@testable import keyway_bench

struct ConnectionTests {
    private func keep(_ pieces: [String], whole: Bool) -> String {
        var connection = Connection(inFlightCountMax: 1)
        for piece in pieces {
            let bytes = Array(piece.utf8)
            bytes.withUnsafeBufferPointer { buffer in
                if let start = buffer.baseAddress { connection.keep(start, count: buffer.count, whole: whole) }
            }
        }
        let kept = UnsafeBufferPointer(start: connection.kept.start, count: connection.kept.count)
        return String(decoding: kept, as: UTF8.self)
    }

    @Test func ofAValueOnlyTheBeginningIsKept() {
        #expect(keep(["$1000\r\n", String(repeating: "v", count: 500)], whole: false).utf8.count == 64)
        #expect(keep(["$", "5\r\nab"], whole: false) == "$5\r\nab")
    }

    @Test func ofAnErrorTheWholeLineIsKept() {
        let words = "-ERR " + String(repeating: "w", count: 200)
        #expect(keep([words, "xyz\r\n"], whole: false) == words + "xyz\r\n")
        #expect(keep(["-" + String(repeating: "w", count: 100_000)], whole: false).utf8.count == 512)
    }

    @Test func wholeRepliesAreKeptWhole() {
        let body = String(repeating: "v", count: 100_000)
        #expect(keep(["$100000\r\n", body], whole: true).utf8.count == 100_009)
    }

    @Test func theLeftoverComesRightBeforeWhatFollows() {
        for count in 0...Connection.leftoverBytesMax {
            var connection = Connection(inFlightCountMax: 1)
            let bytes = (0..<UInt8(count)).map { $0 + 1 }
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 32)
            defer { memory.deallocate() }
            memory.initialize(repeating: 0, count: 32)
            bytes.withUnsafeBufferPointer { if count > 0 { connection.setLeftover($0.baseAddress!, count: count) } }
            let place = memory + Connection.leftoverBytesMax
            let start = connection.putLeftover(before: place)
            #expect(place - start == count)
            #expect(Array(UnsafeBufferPointer(start: start, count: count)) == bytes)
            let again = connection.putLeftover(before: place)
            #expect(again == place)
        }
    }

    @Test func attemptsComeLaterAndLater() {
        var connection = Connection(inFlightCountMax: 1)
        var waits: [UInt64] = []
        for _ in 0..<10 {
            connection.postpone(nowNs: 1000)
            waits.append((connection.retryNs - 1000) / 1_000_000)
        }
        #expect(waits == [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000])
        connection.forgetBackoff()
        connection.postpone(nowNs: 0)
        let retryNs = connection.retryNs
        #expect(retryNs == 10_000_000)
    }
}
