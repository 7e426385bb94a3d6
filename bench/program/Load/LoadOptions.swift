// LoadOptions: how the load is put on a target: how many connections, how fast, for how long. Checked by Command.
// Not here: what is sent (WorkloadOptions), where to (Target).

struct LoadOptions: Sendable {
    enum Arrivals: String, Sendable, CaseIterable {
        case even, poisson
    }
    enum Pace: Sendable, Equatable {
        /// A client sends when its last batch is answered.
        case closed
        /// All threads together send at this rate, whatever is answered.
        case open(ratePerS: Double, Arrivals)
        /// Each operation when the trace says, `speed` times as fast.
        case trace(speed: Double)
    }
    enum Window: Sendable, Equatable {
        case duration(ns: UInt64)
        case requests(Int)
    }
    struct PubSub: Sendable, Equatable {
        var channelCount = 1
        var subscriberCount = 10
        var payloadBytes = 64
    }

    /// Connections of all threads together.
    var clientCount = 50
    /// Closed loop: operations of one batch. Open loop: the most that one connection has in flight.
    var pipeline = 1
    var threadCount = 1
    var pace = Pace.closed
    var window = Window.duration(ns: 10_000_000_000)
    var warmupNs: UInt64 = 1_000_000_000
    var intervalNs: UInt64 = 500_000_000
    /// How long answers are waited for when the window is over.
    var drainNs: UInt64 = 2_000_000_000
    var connectTimeoutNs: UInt64 = 5_000_000_000
    var reconnects = true
    var fills = false
    var isVerified = false
    var seed: UInt64 = 1
    var greeting = Greeting()
    var pubSub: PubSub?
    /// Steps that the timeline of one phase has at most; neighbours are put together before there are more.
    var stepCountMax = 240
}
