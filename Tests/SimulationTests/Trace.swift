// Trace: the last events of a simulation, for the person who reads a failure.
// An event is a word and three numbers; nothing is formatted until it is shown.

struct Trace {
    private struct Event {
        let step: Int
        let nowMs: UInt64
        let text: StaticString
        let first: Int
        let second: Int
        let third: Int
    }

    private static let eventCountMax = 120
    private var events: [Event] = []
    private var next = 0
    var step = 0
    var nowMs: UInt64 = 0

    init() { events.reserveCapacity(Self.eventCountMax) }

    /// - Parameter text: says what the numbers are: `client, request, bytes: sends`.
    mutating func note(_ text: StaticString, _ first: Int = 0, _ second: Int = 0, _ third: Int = 0) {
        let event = Event(step: step, nowMs: nowMs, text: text, first: first, second: second, third: third)
        if events.count < Self.eventCountMax {
            events.append(event)
        } else {
            events[next] = event
            next = (next + 1) % Self.eventCountMax
        }
    }

    var text: String {
        (0..<events.count).map { index in
            let event = events[(next + index) % events.count]
            return "  step \(event.step) at \(event.nowMs) ms: "
                + "\(event.text) \(event.first) \(event.second) \(event.third)"
        }.joined(separator: "\n")
    }
}
