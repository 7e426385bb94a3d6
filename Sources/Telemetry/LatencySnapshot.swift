// LatencySnapshot: every histogram of the process as plain values, the workers added up. Apart from CounterSnapshot,
// because it is larger by far and most readers want only counters.
// Not here: reading the cells (Counters).

package struct LatencySnapshot: Sendable, Equatable {
    package struct Server: Sendable, Equatable {
        /// From a request's arrival until its last byte was written to the server, to a millisecond.
        package var queue = HistogramValues()
        /// From then on until its reply came.
        package var backend = HistogramValues()

        package init() {}
    }

    package struct Pool: Sendable, Equatable {
        /// By the commands' indices; those that nobody used are left out.
        package var commands: [Int: HistogramValues] = [:]
        package var servers: [Server] = []

        package init() {}
    }

    /// How long turns of the loop lasted, by worker.
    package var loops: [HistogramValues] = []
    /// In the order of the layout.
    package var pools: [Pool] = []

    package init() {}
}
