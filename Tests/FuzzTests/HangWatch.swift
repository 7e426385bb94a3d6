// HangWatch: a thread that ends the test process, with a word, when something does not come back.
// It guards the person who waits; no test passes or fails by its time.

import Foundation
import Synchronization
import TestKit

final class HangWatch: Sendable {
    private struct Watched {
        var words = ""
        var since: ContinuousClock.Instant?
        var isOver = false
    }

    private let watched = Mutex(Watched())

    init(seconds: UInt32) {
        let limit = Duration.seconds(Double(seconds))
        Thread.detachNewThread { [weak self] in
            while let state = self?.watched.withLock({ $0 }), !state.isOver {
                if let since = state.since, ContinuousClock.now - since > limit {
                    say(state.words)
                    fatalError("an input takes more than \(seconds) s")
                }
                Thread.sleep(forTimeInterval: 0.5)
            }
        }
    }

    deinit { watched.withLock { $0.isOver = true } }

    func begin(_ words: String) {
        watched.withLock {
            $0.words = words
            $0.since = .now
        }
    }

    func end() { watched.withLock { $0.since = nil } }
}
