// MachineDescription: the machine in one line, so that a result found a year later says where it comes from.
// What the kernel does not tell is left out. No name of the machine: results are shown to others.
// Not here: how busy the machine is.

import Glibc
import Platform

enum MachineDescription {
    static var here: String {
        var system = utsname()
        uname(&system)
        let release = withUnsafeBytes(of: &system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return text(
            cpu: KernelText.read("/proc/cpuinfo"), memory: KernelText.read("/proc/meminfo"),
            distribution: KernelText.read("/etc/os-release"), release: release, coreCount: WorkerThread.coreCount)
    }

    /// From the contents of the files that say it; nil: not readable.
    static func text(cpu: String?, memory: String?, distribution: String?, release: String, coreCount: Int) -> String {
        var parts: [String] = []
        if let model = value(of: "model name", in: cpu, separator: ":") { parts.append(model) }
        parts.append(coreCount == 1 ? "1 core" : "\(coreCount) cores")
        if let size = value(of: "MemTotal", in: memory, separator: ":")?.split(separator: " ").first.flatMap({
            Double($0)
        }) {
            parts.append(NumberText.decimal(size / 1_048_576, places: 1) + " GiB of memory")
        }
        parts.append("Linux \(release)")
        if let name = value(of: "PRETTY_NAME", in: distribution, separator: "=") {
            parts.append(name.filter { $0 != "\"" })
        }
        return parts.joined(separator: ", ")
    }

    private static func value(of key: String, in text: String?, separator: Character) -> String? {
        for line in (text ?? "").split(separator: "\n") where line.hasPrefix(key) {
            let parts = line.split(separator: separator, maxSplits: 1)
            guard parts.count == 2 else { continue }
            let words = parts[1].split(whereSeparator: \.isWhitespace)
            if !words.isEmpty { return words.joined(separator: " ") }
        }
        return nil
    }
}
