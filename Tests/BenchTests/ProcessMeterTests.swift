import Foundation
import Testing

@testable import keyway_bench

struct ProcessMeterTests {
    private static let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 0 0 70 30 1 1 20 0 1 0 5555 1 2 3"
    private static let status = "Name:\ta) b\nVmHWM:\t    4080 kB\nVmRSS:\t 4000 kB\n"

    /// CPU time must show where it was spent, and only in the window.
    @Test func thisProcessIsMeasured() {
        let pid = ProcessInfo.processInfo.processIdentifier
        var meter = ProcessMeter(pids: [pid])
        let before = ProcessMeter.loadCPUNs()
        meter.begin()
        let started = ProcessMeter.loadCPUNs()
        var sum: UInt64 = 0
        while ProcessMeter.loadCPUNs() < started + 30_000_000 { sum &+= sum &* 31 &+ 7 }
        let (processes, complaints) = meter.end()
        let whole = ProcessMeter.loadCPUNs() - before
        #expect(complaints.isEmpty && processes.count == 1 && processes[0].pid == pid)
        #expect(processes[0].cpuNs >= 30_000_000 && processes[0].cpuNs <= whole)
        #expect(processes[0].systemCPUNs <= processes[0].cpuNs)
        #expect(processes[0].peakResidentBytes >= processes[0].residentBytes && processes[0].residentBytes > 1 << 20)
        #expect(!processes[0].name.isEmpty)
    }

    @Test(arguments: [0, -1, .max, .min] as [Int32])
    func aProcessThatIsNotThereIsAComplaint(pid: Int32) {
        var meter = ProcessMeter(pids: [pid])
        meter.begin()
        let (processes, complaints) = meter.end()
        #expect(processes.isEmpty && complaints.count == 1)
        #expect(complaints[0].contains("process \(pid)") && complaints[0].contains("--pid"))
    }

    @Test func aProcessThatEndsInTheWindowIsAComplaint() throws {
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/bin/cat")
        let input = Pipe()
        child.standardInput = input
        try child.run()
        var meter = ProcessMeter(pids: [child.processIdentifier, ProcessInfo.processInfo.processIdentifier])
        meter.begin()
        try input.fileHandleForWriting.close()
        child.waitUntilExit()
        let (processes, complaints) = meter.end()
        #expect(processes.count == 1 && complaints.count == 1)
    }

    @Test func aNameMayHoldParentheses() throws {
        let reading = try #require(ProcessReading.parse(42, Self.stat, Self.status, cpuNs: 7))
        #expect(reading.name == "a) b (c" && reading.startTicks == 5555 && reading.cpuNs == 7)
        #expect(reading.userTicks == 70 && reading.systemTicks == 30)
        #expect(reading.peakResidentBytes == 4080 * 1024 && reading.residentBytes == 4000 * 1024)
    }

    @Test func withoutAClockTicksAreCounted() throws {
        let reading = try #require(ProcessReading.parse(42, Self.stat, Self.status, cpuNs: nil))
        #expect(reading.cpuNs == 1_000_000_000)
        let use = reading.use(until: reading)
        #expect(use.cpuNs == 0 && use.systemCPUNs == 0)
    }

    @Test func everyCutOfAStatIsRefusedOrWhole() {
        for cut in 0..<Self.stat.count {
            let reading = ProcessReading.parse(42, String(Self.stat.prefix(cut)), Self.status, cpuNs: 1)
            #expect(reading == nil || cut > Self.stat.count - 11, "cut after \(cut)")
        }
        #expect(ProcessReading.parse(42, Self.stat.replacing(") S", with: ") Z"), Self.status, cpuNs: 1) == nil)
        #expect(ProcessReading.parse(2, Self.stat, "Name:\tkthreadd\n", cpuNs: 1) == nil)
    }
}
