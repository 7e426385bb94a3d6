import Routing
import Testing

struct KeyListTests {
    @Test func keepsWhatItWasGivenInOrder() {
        var list = KeyList()
        for index in 0..<1000 { list.append(index * 3) }
        #expect(list.count == 1000)
        for index in 0..<1000 { #expect(list[index] == index * 3) }
    }

    @Test func keepsItsMemoryUpToTheBoundAndGivesTheRestBack() {
        var list = KeyList()
        for index in 0..<KeyList.keptCountMax { list.append(index) }
        list.removeAll()
        let kept = list.capacityCount
        #expect(kept == KeyList.keptCountMax)
        for index in 0..<(KeyList.keptCountMax * 10) { list.append(index) }
        let grown = list.capacityCount
        #expect(grown >= KeyList.keptCountMax * 10)
        list.removeAll()
        let afterwards = list.capacityCount
        let count = list.count
        #expect(afterwards == KeyList.keptCountMax)
        #expect(count == 0)
    }

    @Test func readingPastTheEndStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            var list = KeyList()
            list.append(1)
            _ = list[1]
        }
    }
}
