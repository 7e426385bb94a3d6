// Watchdog: one thread that looks at the workers from outside, once a second, and tells of one that does not come back
// to its loop (all its clients wait) or that turns without doing anything (it takes a core for nothing).
// Rule: it only reads counters; a worker never waits for it.
// Not here: what a worker does about it; it is a bug or a command that is too large (`compute_lcs_cells`).

import Glibc
import Logging
import Platform
import Synchronization
import Telemetry

/// What one look at a worker says, given the look before.
struct WorkerWatch {
    enum Finding: Equatable {
        case well
        /// One turn of the loop has lasted so long already.
        case stuck(ms: UInt64)
        /// Turns a second in which next to nothing was moved.
        case spinning(turnCount: Int)
    }

    private static let stuckMs: UInt64 = 1_000
    private static let turnsMax = 20_000
    /// A turn in so many moves something, or the worker spins.
    private static let turnsPerMove = 50

    private var toldBusySinceMs: UInt64 = 0
    private var turns = 0
    private var moves = 0
    private var hasLooked = false

    /// - Parameters:
    ///   - busySinceMs: when the turn under way began; 0 while the worker waits.
    ///   - turns: of the loop, since the start.
    ///   - moves: receives and sends, since the start.
    mutating func look(busySinceMs: UInt64, turns: Int, moves: Int, nowMs: UInt64) -> Finding {
        defer {
            self.turns = turns
            self.moves = moves
            hasLooked = true
        }
        if busySinceMs > 0, nowMs >= busySinceMs + Self.stuckMs {
            guard toldBusySinceMs != busySinceMs else { return .well }
            toldBusySinceMs = busySinceMs
            return .stuck(ms: nowMs - busySinceMs)
        }
        let turnCount = turns - self.turns
        let isSpinning = turnCount > Self.turnsMax && (moves - self.moves) * Self.turnsPerMove < turnCount
        return hasLooked && isSpinning ? .spinning(turnCount: turnCount) : .well
    }
}

final class Watchdog: Sendable {
    private let isStopped = Atomic<Bool>(false)
    private static let lookEveryUs = 1_000_000

    /// - Returns: nil when there is no thread to be had; the proxy works without.
    static func start(workerCount: Int, counters: Counters, events: EventLog, log: Logger) -> Watchdog? {
        let watchdog = Watchdog()
        do throws(SystemError) {
            let thread = try WorkerThread.start(name: "keyway-watch") {
                watchdog.run(workerCount: workerCount, counters: counters, events: events, log: log)
            }
            WorkerThread.detach(thread)
            return watchdog
        } catch {
            log.warning("nobody watches the workers: \(error)")
            return nil
        }
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    private func run(workerCount: Int, counters: Counters, events: EventLog, log: Logger) {
        var watches = Array(repeating: WorkerWatch(), count: workerCount)
        while !isStopped.load(ordering: .relaxed) {
            Clock.nap(microseconds: Self.lookEveryUs)
            for index in 0..<workerCount {
                let block = counters.worker(index)
                let moves = [WorkerMetric.clientReads, .clientWrites, .lineMoves].reduce(0) { $0 + block.read($1) }
                let finding = watches[index].look(
                    busySinceMs: UInt64(block.read(.busySinceMs)), turns: block.read(.ticks), moves: moves,
                    nowMs: Clock.nowNs() / 1_000_000)
                guard let text = Self.text(finding) else { continue }
                log.error("worker \(index): \(text)")
                events.add(Event(atMs: Clock.unixMs(), subject: "worker \(index)", text: text))
            }
        }
    }

    private static func text(_ finding: WorkerWatch.Finding) -> String? {
        switch finding {
        case .well: nil
        case .stuck(let ms):
            "one turn of its loop has lasted \(ms) ms, and all its clients wait; a command that is computed here is "
                + "too large (compute_size, compute_lcs_cells), or the machine has no time for it"
        case .spinning(let turnCount):
            "its loop turned \(turnCount) times in a second and moved next to nothing; this is a bug of Keyway, please "
                + "report it with INFO"
        }
    }
}
