// ProgressLine: one line on standard error that says how the run goes, written over and over on a terminal.
// Nothing else of the bench writes there while it runs.
// Not here: the results (Report).

import Glibc
import Histogram
import Platform

struct ProgressLine: Sendable {
    /// The line is written over; else every state is a line of its own.
    let isTerminal: Bool
    let roundCount: Int

    /// - Parameter isForced: show it even where standard error is no terminal.
    init?(isForced: Bool, roundCount: Int) {
        isTerminal = isatty(STDERR_FILENO) == 1
        guard isTerminal || isForced else { return nil }
        self.roundCount = roundCount
    }

    func show(label: String, _ roundIndex: Int, _ state: String) {
        write(Self.line(label, roundIndex, of: roundCount, state))
    }

    func show(
        label: String, _ roundIndex: Int, _ record: PhaseRecord, elapsedNs: UInt64, window: LoadOptions.Window
    ) {
        show(label: label, roundIndex, Self.state(record, elapsedNs: elapsedNs, window: window))
    }

    func clear() { if isTerminal { Terminal.write(Array("\r\u{1b}[K".utf8), to: STDERR_FILENO) } }

    private func write(_ line: String) {
        Terminal.write(Array((isTerminal ? "\r\(line)\u{1b}[K" : line + "\n").utf8), to: STDERR_FILENO)
    }

    static func line(_ label: String, _ roundIndex: Int, of roundCount: Int, _ state: String) -> String {
        let round = roundCount > 1 ? " round \(roundIndex + 1)/\(roundCount)" : ""
        return "\(label)\(round)  \(state)"
    }

    static func state(_ record: PhaseRecord, elapsedNs: UInt64, window: LoadOptions.Window) -> String {
        var words = [seconds(elapsedNs)]
        switch window {
        case .duration(let ns): words.append("\(seconds(ns - min(ns, elapsedNs))) left")
        case .requests(let count): words.append("\(record.requestCount * 100 / UInt64(max(1, count))) % done")
        }
        if let latest = record.latest, latest.endNs > latest.startNs {
            let rate = Double(latest.requestCount) * 1e9 / Double(latest.endNs - latest.startNs)
            words.append("\(Int(rate)) requests/s")
            words.append("p99 \(milliseconds(latest.latencies.valueAtPercentile(99))) ms")
        }
        if record.errorCount > 0 { words.append("\(record.errorCount) errors") }
        return words.joined(separator: "  ")
    }

    private static func seconds(_ ns: UInt64) -> String { "\(ns / 1_000_000_000).\(ns / 100_000_000 % 10) s" }

    /// With three digits behind the point.
    private static func milliseconds(_ ns: UInt64) -> String {
        let micros = ns / 1000
        let digits = String(micros % 1000)
        return "\(micros / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}
