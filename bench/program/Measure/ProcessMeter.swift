// ProcessMeter: CPU time and memory of a target's processes over one window, and CPU time of the load itself.
// The kernel's CPU clock of a process is exact to the nanosecond and keeps the time of threads that have ended; only
// how it splits into user and kernel is read from /proc, in ticks. A process that cannot be read is a sentence for
// people.
// Not here: which processes belong to a target (Command), CPU time per request (Comparison).

import Glibc

struct ProcessMeter: Sendable {
    private let pids: [Int32]
    private var starts: [Result<ProcessReading, ProcessReadingError>] = []

    init(pids: [Int32]) { self.pids = pids }

    /// The window begins.
    mutating func begin() {
        starts = pids.map { pid in Result { () throws(ProcessReadingError) in try .now(of: pid) } }
    }

    /// The window ends. The meter can begin again.
    ///
    /// - Returns: the processes that could be read at both ends, in the order of the pids, and why others could not.
    mutating func end() -> (processes: [ProcessUse], complaints: [String]) {
        precondition(starts.count == pids.count, "ProcessMeter: end without begin")
        defer { starts = [] }
        var processes: [ProcessUse] = []
        var complaints: [String] = []
        for start in starts {
            do throws(ProcessReadingError) {
                let start = try start.get()
                let end = try ProcessReading.now(of: start.pid)
                guard end.startTicks == start.startTicks else {
                    throw ProcessReadingError(pid: start.pid, reason: "ended, and another process has its number now")
                }
                processes.append(start.use(until: end))
            } catch {
                complaints.append(error.description)
            }
        }
        return (processes, complaints)
    }

    /// CPU time of this process so far, all its threads.
    static func loadCPUNs() -> UInt64 { nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID) ?? 0 }

    fileprivate static func nanoseconds(of clock: clockid_t) -> UInt64? {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return nil }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

struct ProcessReadingError: Error, Equatable, CustomStringConvertible {
    let pid: Int32
    let reason: String

    var description: String {
        "process \(pid): \(reason); its CPU time and memory are missing from the result; see --pid"
    }
}

/// One process at one moment.
struct ProcessReading: Sendable, Equatable {
    let pid: Int32
    /// As the kernel has it, at most 15 bytes.
    let name: String
    /// When it started; together with the pid this is one process and no other.
    let startTicks: UInt64
    let cpuNs: UInt64
    let userTicks: UInt64
    let systemTicks: UInt64
    let peakResidentBytes: UInt64
    let residentBytes: UInt64

    static func now(of pid: Int32) throws(ProcessReadingError) -> ProcessReading {
        let stat = try file("stat", of: pid)
        let status = try file("status", of: pid)
        var clock = clockid_t()
        let hasClock = clock_getcpuclockid(pid, &clock) == 0
        guard let reading = parse(pid, stat, status, cpuNs: hasClock ? ProcessMeter.nanoseconds(of: clock) : nil) else {
            throw ProcessReadingError(pid: pid, reason: "it has ended, or is a thread of the kernel")
        }
        return reading
    }

    /// - Parameter cpuNs: from the process's clock; nil: from the ticks of `stat`.
    /// - Returns: nil for what is not a living process with memory of its own.
    static func parse(_ pid: Int32, _ stat: String, _ status: String, cpuNs: UInt64?) -> ProcessReading? {
        // The name stands in parentheses and may itself hold spaces and parentheses.
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else { return nil }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X",
            let user = UInt64(fields[11]), let system = UInt64(fields[12]), let start = UInt64(fields[19]),
            let peak = bytes(of: "VmHWM:", in: status), let resident = bytes(of: "VmRSS:", in: status)
        else { return nil }
        let ticksPerS = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return ProcessReading(
            pid: pid, name: String(stat[stat.index(after: open)..<close]), startTicks: start,
            cpuNs: cpuNs ?? (user + system) * (1_000_000_000 / ticksPerS), userTicks: user, systemTicks: system,
            peakResidentBytes: peak, residentBytes: resident)
    }

    func use(until end: ProcessReading) -> ProcessUse {
        let spentNs = end.cpuNs >= cpuNs ? end.cpuNs - cpuNs : 0
        let userCount = end.userTicks >= userTicks ? end.userTicks - userTicks : 0
        let systemCount = end.systemTicks >= systemTicks ? end.systemTicks - systemTicks : 0
        let tickCount = userCount + systemCount
        let systemShare = tickCount == 0 ? 0 : Double(systemCount) / Double(tickCount)
        return ProcessUse(
            pid: pid, name: name, cpuNs: spentNs, systemCPUNs: UInt64(Double(spentNs) * systemShare),
            peakResidentBytes: end.peakResidentBytes, residentBytes: end.residentBytes)
    }

    private static func bytes(of key: String, in status: String) -> UInt64? {
        for line in status.split(separator: "\n") where line.hasPrefix(key) {
            guard let number = line.dropFirst(key.count).split(whereSeparator: \.isWhitespace).first else { return nil }
            return UInt64(number).map { $0 * 1024 }
        }
        return nil
    }

    private static func file(_ name: String, of pid: Int32) throws(ProcessReadingError) -> String {
        let path = "/proc/\(pid)/\(name)"
        guard let text = KernelText.read(path) else {
            let reason =
                errno == ENOENT || errno == ESRCH ? "there is no such process" : String(cString: strerror(errno))
            throw ProcessReadingError(pid: pid, reason: "\(path) cannot be read (\(reason))")
        }
        return text
    }
}
