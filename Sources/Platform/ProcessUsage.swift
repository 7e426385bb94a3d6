// ProcessUsage: what this process takes of the machine, as the kernel counts it.
// Not here: what its buffers take (ChunkPool), what it is about (Telemetry).

import Glibc

package struct ProcessUsage: Sendable, Equatable {
    package var residentBytes = 0
    package var virtualBytes = 0
    /// User and system time.
    package var cpuSeconds = 0.0
    package var threads = 0
    package var openDescriptors = 0
    package var descriptorsMax = 0

    /// As of now; takes some file reads, so it is not for the data path.
    package static func current() -> ProcessUsage {
        var usage = ProcessUsage()
        let pages = text(of: "/proc/self/statm").split(separator: " ").prefix(2).compactMap { Int($0) }
        if pages.count == 2 {
            let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
            (usage.virtualBytes, usage.residentBytes) = (pages[0] * pageBytes, pages[1] * pageBytes)
        }
        // The name before it may hold spaces and brackets.
        let stat = text(of: "/proc/self/stat")
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        usage.threads = fields.count > 18 ? Int(fields[18]) ?? 0 : 0
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        usage.cpuSeconds = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        usage.openDescriptors = entryCount(of: "/proc/self/fd")
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        usage.descriptorsMax = Int(clamping: limit.rlim_cur)
        return usage
    }

    private static func text(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
            count = max(0, read(file, buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func entryCount(of path: String) -> Int {
        guard let folder = opendir(path) else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // ".", ".." and the descriptor of this very look.
        return max(0, count - 3)
    }
}
