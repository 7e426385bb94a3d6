// EmbeddedSupervisor: starts the embedded servers, starts again what dies, stops them all at the end.
// One thread of its own owns every child process: the kernel kills them when that thread ends, so it ends last. It
// waits for its own servers only, and no worker ever waits for it.
// Not here: the command line (EmbeddedServer), the delays (RestartPolicy), the crew's upkeep (EmbeddedCrew).

import Dispatch
import Foundation
import Glibc
package import Logging
import Platform
import Synchronization

/// A change of state of one embedded server.
package enum EmbeddedChange: Sendable, Equatable {
    /// It answers.
    case running(shard: Int, processID: Int32)
    /// It has ended and will be started again.
    case died(shard: Int, reason: String, restartInMs: Int)
}

package final class EmbeddedSupervisor: Sendable {
    /// How long servers may take to end when asked, a last snapshot included; then they are killed.
    package static let stopTimeoutMs = 10_000

    private let options: EmbeddedOptions
    private let environment: [String: String]
    private let log: Logger
    private let onChange: @Sendable (EmbeddedChange) -> Void

    private let thread = Mutex<pthread_t?>(nil)
    private let stopping = Atomic(false)
    /// Signalled to end the thread's wait early.
    private let wake = DispatchSemaphore(value: 0)

    /// - Parameter onChange: called on the supervisor's thread.
    package init(
        options: EmbeddedOptions, environment: [String: String] = ProcessInfo.processInfo.environment, log: Logger,
        onChange: @escaping @Sendable (EmbeddedChange) -> Void = { _ in }
    ) {
        self.options = options
        self.environment = environment
        self.log = log
        self.onChange = onChange
    }

    deinit { precondition(thread.withLock { $0 == nil }, "EmbeddedSupervisor: dropped without stop()") }

    /// Starts every server and returns when each has answered a PING. Called once, before `stop()`.
    ///
    /// - Returns: one shard per server, in order.
    /// - Throws: why not, with the last lines of the log of the server that did not start. Then nothing runs any more.
    package func start() throws(EmbeddedError) -> [EmbeddedShard] {
        let outcome = Outcome()
        let started: pthread_t
        do {
            started = try WorkerThread.start(name: "keyway-embedded") { [self] in supervise(outcome) }
        } catch {
            throw EmbeddedError(description: "embedded servers: \(error)")
        }
        switch outcome.take() {
        case .success(let shards):
            thread.withLock { thread in
                precondition(thread == nil, "EmbeddedSupervisor: started twice")
                thread = started
            }
            return shards
        case .failure(let error):
            WorkerThread.join(started)
            throw error
        }
    }

    /// Ends every server and waits until all are gone. Harmless when nothing runs.
    package func stop() {
        stopping.store(true, ordering: .relaxed)
        wake.signal()
        guard let last = thread.withLock({ $0.take() }) else { return }
        WorkerThread.join(last)
    }

    /// How `start()` went, handed from the supervisor's thread to the caller's, once.
    private final class Outcome: Sendable {
        private let result = Mutex<Result<[EmbeddedShard], EmbeddedError>?>(nil)
        private let isThere = DispatchSemaphore(value: 0)

        func put(_ value: Result<[EmbeddedShard], EmbeddedError>) {
            result.withLock { $0 = value }
            isThere.signal()
        }

        func take() -> Result<[EmbeddedShard], EmbeddedError> {
            isThere.wait()
            guard let result = result.withLock({ $0 }) else { preconditionFailure("EmbeddedSupervisor: no outcome") }
            return result
        }
    }

    /// The thread, from the first start to the last end.
    private func supervise(_ outcome: Outcome) {
        var crew: EmbeddedCrew
        do {
            crew = try EmbeddedCrew(options: options, environment: environment, log: log, onChange: onChange)
        } catch {
            return outcome.put(.failure(error))
        }
        do {
            try crew.startAll { stopping.load(ordering: .relaxed) }
        } catch {
            crew.stopAll(graceMs: Self.stopTimeoutMs)
            return outcome.put(.failure(error))
        }
        outcome.put(.success(crew.shards))
        while !stopping.load(ordering: .relaxed) {
            crew.lookAfter()
            _ = wake.wait(timeout: .now() + .milliseconds(crew.tickMs))
        }
        crew.stopAll(graceMs: Self.stopTimeoutMs)
    }
}
