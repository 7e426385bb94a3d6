// EventLog: what happened to shards and to Keyway itself, the last so many of it, for people who come to look
// afterwards.
// Not here: log lines, which have more, and counters, which have totals.

import Synchronization

/// One thing that happened.
package struct Event: Sendable, Equatable {
    /// Milliseconds since 1970.
    package let atMs: Int
    /// The shard as messages name it, or `keyway`.
    package let subject: String
    package let text: String

    package init(atMs: Int, subject: String, text: String) {
        self.atMs = atMs
        self.subject = subject
        self.text = text
    }
}

/// Any thread may add and read; nothing here is done per request.
package final class EventLog: Sendable {
    private let capacity: Int
    private let events = Mutex<[Event]>([])

    package init(capacity: Int = 256) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    package func add(_ event: Event) {
        events.withLock { events in
            if events.count == capacity { events.removeFirst() }
            events.append(event)
        }
    }

    /// The latest `count` events, newest first.
    package func latest(_ count: Int) -> [Event] { events.withLock { Array($0.suffix(max(0, count)).reversed()) } }
}
