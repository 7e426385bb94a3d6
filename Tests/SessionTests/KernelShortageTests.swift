import Testing

@testable import Session

struct KernelShortageTests {
    /// Whether the loop needs a rest after each of `count` turns, of which those in `refused` moved nothing.
    private func rests(_ count: Int, refused: (Int) -> Bool, movedBytes: (Int) -> Int = { _ in 0 }) -> [Bool] {
        var shortage = KernelShortage()
        return (0..<count).map { turn in
            if refused(turn) { shortage.refused() }
            shortage.endTurn(movedBytes: movedBytes(turn))
            return shortage.needsRest
        }
    }

    @Test func turnsThatOnlyMoveNothingAreFollowedByARest() {
        #expect(rests(40, refused: { _ in true }) == (0..<40).map { $0 >= 15 })
        #expect(rests(17, refused: { _ in true }, movedBytes: { $0 == 16 ? 1 : 0 }).last == false)
    }

    @Test func turnsWithoutACallNeedNoRest() {
        #expect(!rests(100, refused: { $0 % 16 < 15 }).contains(true))
    }

    @Test func aShortageIsToldOnceAndSoIsItsEnd() {
        var shortage = KernelShortage()
        let early = shortage.isOver(nowMs: 5_000)
        let begins = [5_000, 5_900].map { shortage.begin(nowMs: $0) }
        let ends = [6_000, 6_900, 9_000].map { shortage.isOver(nowMs: $0) }
        let again = shortage.begin(nowMs: 9_000)
        #expect(!early && begins == [true, false] && ends == [false, true, false] && again)
    }
}
