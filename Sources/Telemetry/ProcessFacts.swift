// ProcessFacts: what metrics say of the process and its shards beside what is counted: versions, limits, places on the
// ring. Values only, as of one moment.
// Not here: how they come to be known (the program).

package struct ProcessFacts: Sendable {
    package struct Shard: Sendable {
        package var address: String
        package var weight: Int
        /// Of the pool's keys, 0 ... 1; 0 while it is out of the ring.
        package var ringShare: Double

        package init(address: String, weight: Int, ringShare: Double) {
            self.address = address
            self.weight = weight
            self.ringShare = ringShare
        }
    }

    package var version = ""
    /// How workers wait for sockets.
    package var ioCore = ""
    package var startedAtS = 0.0
    package var uptimeSeconds = 0
    package var connectedClients = 0
    package var clientsMax = 0
    /// 0 for none.
    package var memoryLimitBytes = 0
    package var residentBytes = 0
    package var virtualBytes = 0
    package var cpuSeconds = 0.0
    package var openDescriptors = 0
    package var descriptorsMax = 0
    package var threads = 0
    /// By pool and shard, in the order of the layout.
    package var shards: [[Shard]] = []

    package init() {}
}
