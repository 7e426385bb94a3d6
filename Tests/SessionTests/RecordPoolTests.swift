import Testing

@testable import Session

struct RecordPoolTests {
    private typealias Record = (Int, Int, Int)

    @Test func whatIsGivenBackIsTakenAgainLastFirst() {
        var pool = RecordPool<Record>()
        let records = (0..<5).map { _ in pool.take() }
        #expect(Set(records).count == 5)
        for record in records {
            record.initialize(to: (1, 2, 3))
            pool.giveBack(record)
        }
        #expect((0..<5).map { _ in pool.take() } == records.reversed())
        for record in records { pool.giveBack(record) }
    }

    @Test func aCrowdIsTakenAndGivenBack() {
        var pool = RecordPool<Record>()
        for _ in 0..<3 {
            let records = (0..<1_000).map { _ in pool.take() }
            #expect(Set(records).count == 1_000)
            for record in records {
                record.initialize(to: (7, 8, 9))
                #expect(record.pointee == (7, 8, 9))
                pool.giveBack(record)
            }
        }
    }
}
