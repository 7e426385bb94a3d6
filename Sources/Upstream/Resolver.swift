// Resolver: looks host names up on a thread of its own, because the system's resolver blocks.
// One thread serves all workers: look-ups are rare, only a (re)connect needs one.
// Not here: numeric addresses and unix sockets (Endpoint), which need no look-up.

package import Platform
import Synchronization

package final class Resolver: Sendable {
    package typealias Answer = @Sendable (Result<SocketAddress, ResolveError>) -> Void

    private struct LookUp {
        let endpoint: Endpoint
        let attempt: Int
        let answer: Answer
    }

    private struct Queue {
        var waiting: [LookUp] = []
        var isRunning = false
    }

    private let queue = Mutex(Queue())

    package init() {}

    /// Calls `answer` on the resolver's thread, once.
    ///
    /// - Parameter attempt: failures so far, see `Endpoint.resolve`.
    package func resolve(_ endpoint: Endpoint, attempt: Int = 0, answer: @escaping Answer) {
        let mustStart = queue.withLock { queue in
            queue.waiting.append(LookUp(endpoint: endpoint, attempt: attempt, answer: answer))
            defer { queue.isRunning = true }
            return !queue.isRunning
        }
        guard mustStart else { return }
        do {
            let thread = try WorkerThread.start(name: "keyway-resolver") { [self] in work() }
            WorkerThread.detach(thread)
        } catch {
            // Others may have come to wait for the same thread.
            let stranded = queue.withLock { queue in
                defer { queue = Queue() }
                return queue.waiting
            }
            for look in stranded {
                look.answer(
                    .failure(ResolveError(host: look.endpoint.text, reason: "no thread for the look-up: \(error)")))
            }
        }
    }

    /// Ends when nothing waits; the next look-up starts it again.
    private func work() {
        while true {
            let next = queue.withLock { queue -> LookUp? in
                if queue.waiting.isEmpty {
                    queue.isRunning = false
                    return nil
                }
                return queue.waiting.removeFirst()
            }
            guard let next else { return }
            do throws(ResolveError) {
                next.answer(.success(try next.endpoint.resolve(attempt: next.attempt)))
            } catch {
                next.answer(.failure(error))
            }
        }
    }
}
