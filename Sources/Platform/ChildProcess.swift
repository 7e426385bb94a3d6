// ChildProcess: one program that this process started and must outlive.
// It runs in a process group of its own (a terminal's Ctrl-C is ours to handle) and the kernel kills it when the
// THREAD that started it ends, however that happens: start children only from a thread that lives as long as they
// may. It stays on that thread; a reference, because only one place may know whether it has been reaped.
// Not here: when to start again (Upstream/RestartPolicy).

import CLinux
import Glibc

/// How a child process ended.
package enum ChildExit: Equatable, Sendable, CustomStringConvertible {
    case exited(code: Int32)
    case killed(signal: Int32)

    package var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .killed(let signal): "signal \(signal)"
        }
    }
}

package final class ChildProcess {
    package let processID: Int32
    /// How it ended, once `reap()` has seen it.
    package private(set) var exit: ChildExit?

    private init(processID: Int32) {
        self.processID = processID
    }

    /// Starts the program at `path`, which is not searched for, and returns when it runs.
    ///
    /// - Parameters:
    ///   - arguments: without the program's own name.
    ///   - logDescriptor: where its output and errors go; nil for nowhere. The caller keeps and closes it.
    /// - Throws: what the kernel answered, be it to the fork or to the exec.
    package static func start(
        path: String, arguments: [String], environment: [String: String], logDescriptor: Int32? = nil
    ) throws(SystemError) -> ChildProcess {
        // Everything is built before the fork: after it the child may not allocate.
        var argumentPointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var environmentPointers: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        let result = clinux_child_start(path, &argumentPointers, &environmentPointers, logDescriptor ?? -1)
        for pointer in argumentPointers + environmentPointers { free(pointer) }
        guard result > 0 else { throw SystemError("start \(path)", -result) }
        return ChildProcess(processID: result)
    }

    /// Looks whether it has ended, without waiting. Until this has seen the end, the process ID stays taken.
    ///
    /// - Returns: nil while it runs.
    package func reap() -> ChildExit? {
        if let exit { return exit }
        var status: Int32 = 0
        let result = waitpid(processID, &status, WNOHANG)
        if result == 0 || (result < 0 && lastErrorNumber() == EINTR) { return nil }
        precondition(result == processID, "ChildProcess: \(processID) was reaped by somebody else")
        let signal = status & 0x7f
        exit = signal == 0 ? .exited(code: (status >> 8) & 0xff) : .killed(signal: signal)
        return exit
    }

    /// Asks it to end (SIGTERM). Nothing happens when it has ended.
    package func askToEnd() { send(SIGTERM) }

    /// Ends it now (SIGKILL), with every process of its group.
    package func kill() {
        guard reap() == nil else { return }
        Glibc.kill(-processID, SIGKILL)
    }

    /// Asks it to end, kills it after `graceMs`, and waits until it is gone.
    @discardableResult
    package func terminate(graceMs: Int) -> ChildExit {
        askToEnd()
        let deadlineNs = Clock.nowNs() + UInt64(graceMs) * 1_000_000
        var killed = false
        while true {
            if let exit = reap() { return exit }
            if !killed && Clock.nowNs() >= deadlineNs {
                kill()
                killed = true
            }
            Clock.nap(microseconds: 2_000)
        }
    }

    private func send(_ signal: Int32) {
        guard reap() == nil else { return }
        Glibc.kill(processID, signal)
    }
}
