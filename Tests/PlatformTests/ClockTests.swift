import Testing

@testable import Platform

struct ClockTests {
    @Test func timeDoesNotGoBack() {
        var lastNs = Clock.nowNs()
        for _ in 0..<10_000 {
            let nowNs = Clock.nowNs()
            #expect(nowNs >= lastNs)
            lastNs = nowNs
        }
    }

    @Test func aNapLastsAtLeastAsLongAsAsked() {
        for microseconds in [0, 1, 500, 1_000_000] {
            let startNs = Clock.nowNs()
            Clock.nap(microseconds: microseconds)
            #expect(Clock.nowNs() - startNs >= UInt64(microseconds) * 1_000)
        }
    }

    @Test func aNapCostsNoCPU() {
        let startNs = Clock.threadCPUNs()
        Clock.nap(microseconds: 100_000)
        let usedNs = Clock.threadCPUNs() - startNs
        #expect(usedNs < 50_000_000)
    }
}
