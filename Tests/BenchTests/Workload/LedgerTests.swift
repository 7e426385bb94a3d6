import Testing

@testable import keyway_bench

struct LedgerTests {
    @Test func aWriteAloneRaisesTheFloorWhenItIsAcknowledged() {
        let ledger = Ledger(keyCount: 4)
        let first = ledger.startWrite(of: 2)
        #expect(first == (1, true) && ledger.floor(of: 2) == 0 && ledger.last(of: 2) == 1)
        ledger.finishWrite(of: 2, sequence: 1, wasAlone: true)
        #expect(ledger.floor(of: 2) == 1 && ledger.floor(of: 1) == 0)
    }

    @Test func overlappingWritesRaiseItByTheFirstOnly() {
        let ledger = Ledger(keyCount: 1)
        #expect(ledger.startWrite(of: 0) == (1, true))
        #expect(ledger.startWrite(of: 0) == (2, false))
        ledger.finishWrite(of: 0, sequence: 2, wasAlone: false)
        #expect(ledger.floor(of: 0) == 0)
        #expect(ledger.startWrite(of: 0) == (3, false))
        ledger.finishWrite(of: 0, sequence: 1, wasAlone: true)
        #expect(ledger.floor(of: 0) == 1)
        ledger.finishWrite(of: 0, sequence: 3, wasAlone: false)
        #expect(ledger.startWrite(of: 0) == (4, true))
    }

    @Test func aWriteOfUnknownOutcomeStopsTheFloorForEver() {
        let ledger = Ledger(keyCount: 1)
        _ = ledger.startWrite(of: 0)
        for sequence in 2...UInt64(100_000) {
            #expect(ledger.startWrite(of: 0) == (sequence, false))
            ledger.finishWrite(of: 0, sequence: sequence, wasAlone: false)
        }
        #expect(ledger.floor(of: 0) == 0)
    }

    @Test func moreUnknownOutcomesThanCanBeCountedAreStillUnknown() {
        let ledger = Ledger(keyCount: 1)
        for _ in 0..<70_000 { _ = ledger.startWrite(of: 0) }
        for sequence in UInt64(1)...70_000 { ledger.finishWrite(of: 0, sequence: sequence, wasAlone: false) }
        #expect(ledger.startWrite(of: 0).isAlone == false)
    }
}
