import Testing

@testable import Platform

@Test func theProcessKnowsWhatItTakes() {
    let usage = ProcessUsage.current()
    #expect(usage.residentBytes > 1 << 20 && usage.virtualBytes > usage.residentBytes)
    #expect(usage.cpuSeconds > 0 && usage.threads >= 1)
    #expect((3...usage.descriptorsMax).contains(usage.openDescriptors))
}
