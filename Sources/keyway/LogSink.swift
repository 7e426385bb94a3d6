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
        var throttle = LogThrottle()

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
    private let writesJSON = Atomic(false)

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

    /// Lines are JSON objects from now on, or text.
    var isJSON: Bool {
        get { writesJSON.load(ordering: .relaxed) }
        set { writesJSON.store(newValue, ordering: .relaxed) }
    }

    /// Writes one line, whole, unless too many like it were written in this second; threads may call it at the same
    /// time.
    ///
    /// - Parameter isThrottled: false writes it in any case.
    func write(
        _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:], isThrottled: Bool = true
    ) {
        guard isThrottled else { return state.withLock { put(line(level, message, metadata), &$0) } }
        let shape = LogThrottle.shape(of: message)
        let nowS = Clock.nowNs() / 1_000_000_000
        state.withLock { state in
            tellLeftOut(&state, nowS: nowS)
            switch state.throttle.judge(shape, nowS: nowS) {
            case .write: put(line(level, message, metadata), &state)
            case .writeNotice:
                put(
                    line(level, "\(message) (lines like this one are counted and left out for a moment)", metadata),
                    &state)
            case .leaveOut: break
            }
        }
    }

    /// Writes one line as it is, with its LF.
    func write(_ line: String) { state.withLock { put(line, &$0) } }

    /// How many lines were left out, whatever the hour; for the end of the process.
    func tellLeftOut() { state.withLock { tellLeftOut(&$0, nowS: .max) } }

    private func tellLeftOut(_ state: inout State, nowS: UInt64) {
        for (shape, count) in state.throttle.takeLeftOut(nowS: nowS) {
            put(line(.warning, "\(count) lines were left out like: \(shape)"), &state)
        }
    }

    private func line(_ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata = [:]) -> String {
        isJSON
            ? LogLine.json(level: level, message: message, metadata: metadata)
            : LogLine.text(level: level, message: message, metadata: metadata)
    }

    private func put(_ text: String, _ state: inout State) {
        if state.lostCount > 0 {
            let reason = Self.text(state.lostReason)
            let note = line(.error, "\(state.lostCount) log lines could not be written (\(reason))")
            guard state.write(note, waitMs: 0) else {
                state.lostCount += 1
                return
            }
            state.lostCount = 0
        }
        if !state.write(text, waitMs: Self.waitMs) { state.lostCount += 1 }
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
