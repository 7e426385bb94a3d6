// LogSink: where log lines go: standard error, or a file that can be opened anew after somebody moved it away.
// A line that cannot be written is counted and the count is written with the next line that can: nothing is lost
// silently, and no worker waits for a reader of the log. The level is the sink's, so that one signal changes it for
// every logger at once.
// Not here: how a line looks (LogLine).

import Glibc
import Logging
import Platform
import Synchronization

/// Why a log file cannot be opened.
struct LogFileError: Error, CustomStringConvertible, Equatable {
    let description: String
}

final class LogSink: Sendable {
    private struct State {
        var descriptor: Int32
        var lostCount = 0
        var lostReason: Int32 = 0
        /// The last line was cut off in its middle.
        var isMidLine = false

        /// - Returns: whether the line is there, whole.
        mutating func write(_ line: String, waitMs: Int32) -> Bool {
            let written = Terminal.write(
                Array((isMidLine ? "\n" + line : line).utf8), to: descriptor, waitMs: waitMs)
            if written.sizeBytes > 0 { isMidLine = written.failure != 0 }
            if written.failure != 0 { lostReason = written.failure }
            return written.failure == 0
        }
    }

    /// For a reader that is a little late; nothing waits again until it has read.
    private static let waitMs: Int32 = 20

    /// Nil for standard error.
    let path: String?
    private let state: Mutex<State>
    private let levelIndex: Atomic<Int>

    /// - Parameter path: a file to append to, made when missing; nil for standard error.
    init(path: String?, level: Logger.Level) throws(LogFileError) {
        self.path = path
        let descriptor = if let path { try Self.open(path) } else { STDERR_FILENO }
        state = Mutex(State(descriptor: descriptor))
        LastWords.goTo(descriptor)
        levelIndex = Atomic(Self.index(of: level))
    }

    deinit {
        guard path != nil else { return }
        state.withLock { _ = close($0.descriptor) }
    }

    var level: Logger.Level {
        get { Logger.Level.allCases[levelIndex.load(ordering: .relaxed)] }
        set { levelIndex.store(Self.index(of: newValue), ordering: .relaxed) }
    }

    /// Writes one line, whole; threads may call it at the same time.
    func write(_ line: String) {
        state.withLock { state in
            if state.lostCount > 0 {
                let note = LogLine.text(
                    level: .error,
                    message: "\(state.lostCount) log lines could not be written (\(Self.text(state.lostReason)))")
                guard state.write(note, waitMs: 0) else {
                    state.lostCount += 1
                    return
                }
                state.lostCount = 0
            }
            if !state.write(line, waitMs: Self.waitMs) { state.lostCount += 1 }
        }
    }

    /// Opens the file again by its path. When that fails the old one stays in use.
    ///
    /// - Returns: false when the log is no file.
    func reopen() throws(LogFileError) -> Bool {
        guard let path else { return false }
        let descriptor = try Self.open(path)
        let old = state.withLock { state in
            let old = state.descriptor
            state.descriptor = descriptor
            state.isMidLine = false
            LastWords.goTo(descriptor)
            return old
        }
        close(old)
        return true
    }

    private static func open(_ path: String) throws(LogFileError) -> Int32 {
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o644)
        guard descriptor >= 0 else {
            throw LogFileError(
                description: "log file \(path): cannot be opened: \(text(errno)); check -o, the path and its rights")
        }
        return descriptor
    }

    private static func index(of level: Logger.Level) -> Int {
        guard let index = Logger.Level.allCases.firstIndex(of: level) else {
            preconditionFailure("LogSink: unknown level")
        }
        return index
    }

    private static func text(_ number: Int32) -> String { String(cString: strerror(number)) }
}
