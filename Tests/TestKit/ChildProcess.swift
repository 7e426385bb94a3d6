// ChildProcess: one program that a test starts, with its output in files, and the promise that it ends.
// It ends with `stop`, with `deinit`, and (however the test process itself dies) by the Undertaker.
// Signals go to the process id and nothing else.
// Not here: what the program is (ServerProcess, KeywayProcess).

import Foundation
import Glibc
import Synchronization

package struct ChildFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

package enum ExitStatus: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
}

package final class ChildProcess: Sendable {
    package let pid: Int32
    package let name: String
    private let folder: TemporaryFolder
    private let status = Mutex<ExitStatus?>(nil)

    /// - Parameters:
    ///   - environment: added to that of the test process.
    ///   - input: what the program finds on standard input; nil is /dev/null.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], input: [UInt8]? = nil
    ) throws {
        let undertaker = Undertaker.shared
        name = (executable as NSString).lastPathComponent
        folder = TemporaryFolder()
        var inputPath = "/dev/null"
        if let input {
            inputPath = folder.file("stdin")
            try Data(input).write(to: URL(fileURLWithPath: inputPath))
        }
        pid = try spawnProcess(
            executable, arguments, environment: environment, newSession: false,
            openFiles: [
                (0, inputPath, O_RDONLY), (1, folder.file("stdout"), O_WRONLY | O_CREAT | O_APPEND),
                (2, folder.file("stderr"), O_WRONLY | O_CREAT | O_APPEND),
            ])
        undertaker.watch(pid)
    }

    deinit { stop() }

    package var standardOutput: String { text("stdout") }
    package var standardError: String { text("stderr") }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: folder.file(name)) ?? Data(), as: UTF8.self)
    }

    package func signal(_ number: Int32) {
        status.withLock { if $0 == nil { Glibc.kill(pid, number) } }
    }

    /// How it ended; nil while it runs.
    package var exitStatus: ExitStatus? {
        status.withLock { known in
            guard known == nil else { return known }
            var code: Int32 = 0
            guard waitpid(pid, &code, WNOHANG) == pid else { return nil }
            known = code & 0x7F == 0 ? .exited((code >> 8) & 0xFF) : .signalled(code & 0x7F)
            Undertaker.shared.forget(pid)
            return known
        }
    }

    package func waitForExit(withinSeconds: Double = 20) throws -> ExitStatus {
        try eventually("exit of \(name) \(pid)", withinSeconds: withinSeconds) { exitStatus != nil }
        return exitStatus!
    }

    /// Kills it if it still runs, and waits for the end.
    package func stop() {
        guard exitStatus == nil else { return }
        signal(SIGKILL)
        _ = try? waitForExit()
    }

    /// Starts a program and waits for its end.
    package static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:], input: [UInt8]? = nil,
        withinSeconds: Double = 60
    ) throws -> (status: ExitStatus, output: String, errors: String) {
        let child = try ChildProcess(executable, arguments, environment: environment, input: input)
        do {
            let status = try child.waitForExit(withinSeconds: withinSeconds)
            return (status, child.standardOutput, child.standardError)
        } catch {
            throw ChildFailure(
                "\(error); its output so far: \(child.standardOutput)\(child.standardError)")
        }
    }
}

// MARK: What the kernel says of a process

extension ChildProcess {
    /// Resident memory now.
    package var residentBytes: Int { statusKB("VmRSS") * 1024 }
    /// The most resident memory since the start or the last `resetPeak`.
    package var peakResidentBytes: Int { statusKB("VmHWM") * 1024 }

    /// Resident memory now, by a walk over all pages: `residentBytes` lags behind by some dozens of them per core.
    package var mappedResidentBytes: Int { kilobytes("Rss", in: "/proc/\(pid)/smaps_rollup") * 1024 }

    /// Whether SIGSTOP has taken hold of all its threads.
    package var isStopped: Bool {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return threads.allSatisfy { statFields("/proc/\(pid)/task/\($0)").first == "T" }
    }

    package func resetPeak() {
        try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(pid)/clear_refs"))
    }

    package var openDescriptorCount: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count) ?? 0
    }

    /// User and system time it has used so far.
    package var cpuSeconds: Double {
        let fields = statFields(pid)
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Process ids of its direct children whose program is called `name`.
    package func children(named name: String) -> [Int32] {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.filter { candidate in
            let fields = statFields(candidate)
            guard fields.count > 1, fields[1] == String(pid), fields[0] != "Z" else { return false }
            return kernelFile("/proc/\(candidate)/cmdline").contains(name)
        }.sorted()
    }

    private func statusKB(_ field: String) -> Int { kilobytes(field, in: "/proc/\(pid)/status") }

    private func kilobytes(_ field: String, in path: String) -> Int {
        let line = kernelFile(path).split(separator: "\n").first { $0.hasPrefix(field + ":") }
        return line.flatMap { Int($0.split(whereSeparator: { !$0.isNumber }).first ?? "") } ?? 0
    }
}

/// Whether a process runs (a zombie does not).
package func isRunning(_ pid: Int32) -> Bool {
    let fields = statFields(pid)
    return !fields.isEmpty && fields[0] != "Z" && fields[0] != "X"
}

/// Fields of /proc/PID/stat from the third on (state, parent, ...), empty when there is no such process.
private func statFields(_ pid: Int32) -> [Substring] { statFields("/proc/\(pid)") }

private func statFields(_ folder: String) -> [Substring] {
    let text = kernelFile(folder + "/stat")
    guard let nameEnd = text.lastIndex(of: ")") else { return [] }
    return text[text.index(after: nameEnd)...].split(separator: " ")
}

/// Starts a program by posix_spawn.
///
/// - Parameter openFiles: descriptor in the child, path, flags.
/// - Throws: `ChildFailure` when it cannot be started.
func spawnProcess(
    _ executable: String, _ arguments: [String], environment: [String: String], newSession: Bool,
    openFiles: [(Int32, String, Int32)], inherit: [(child: Int32, parent: Int32)] = []
) throws -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, path, flags) in openFiles {
        posix_spawn_file_actions_addopen(&actions, descriptor, path, flags, 0o600)
    }
    for pair in inherit { posix_spawn_file_actions_adddup2(&actions, pair.parent, pair.child) }
    // Whatever other tests have open at this moment would count against the child's limit, and stay open with it.
    for descriptor in 3..<min(256, Int32(sysconf(Int32(_SC_OPEN_MAX)))) {
        posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD] { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    let setSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which the importer leaves out.
    posix_spawnattr_setflags(&attributes, Int16(0x04 | (newSession ? setSession : 0)))  // 0x04: POSIX_SPAWN_SETSIGDEF.

    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    var argumentPointers = ([executable] + arguments).map { strdup($0) } + [nil]
    var environmentPointers = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argumentPointers + environmentPointers).forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, executable, &actions, &attributes, &argumentPointers, &environmentPointers)
    guard code == 0 else {
        throw ChildFailure("cannot start \(executable): \(String(cString: strerror(code)))")
    }
    return pid
}
