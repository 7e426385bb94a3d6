// Shard: one part of a pool's keys, and this worker's connections to the server that holds it.
// Not here: which keys those are (Routing), what a line does (Line).

public import Telemetry

public typealias ShardRef = UnsafeMutablePointer<Shard>

/// What people call a shard; for messages and logs.
package final class ShardName: Sendable {
    package let pool: String
    /// The ring name: the configured name, or else the address.
    package let name: String
    package let endpoint: Endpoint

    package init(pool: String, name: String, endpoint: Endpoint) {
        self.pool = pool
        self.name = name
        self.endpoint = endpoint
    }

    /// `cache-3 (10.0.0.7:6379)`, or just the address where that is the name.
    package var text: String { name == endpoint.text ? name : "\(name) (\(endpoint.text))" }
}

/// One worker's view of a shard. Lives as long as the worker's route table.
public struct Shard: BitwiseCopyable {
    public let poolIndex: Int
    /// Position in the config file.
    public let index: Int
    package let names: Unmanaged<ShardName>
    public let counters: CounterBlock<ServerMetric>
    /// Shared lines, `lineCount` of them. A client keeps to one, so its requests stay in order.
    public let lines: UnsafeMutablePointer<LineRef>
    public let lineCount: Int
    /// Transfer lines with nothing to do.
    public var spare: LineRef?
    /// Transfer lines, busy and spare.
    public var transferCount = 0
    /// Clients that wait for a transfer line, first come first served; Session's.
    public var waitingFirst: UnsafeMutableRawPointer?
    public var waitingLast: UnsafeMutableRawPointer?
    /// The server could not be reached, several times in a row: requests are answered at once.
    public var isDown = false
    /// The errno, or another word, of the last failure.
    public var lastFailure: Int32 = 0
    public var retryAtMs: UInt64 = 0
    /// Since when no connection came about; 0 while one stands.
    public var failingSinceMs: UInt64 = 0

    package init(
        poolIndex: Int, index: Int, names: ShardName, counters: CounterBlock<ServerMetric>,
        lines: UnsafeMutablePointer<LineRef>, lineCount: Int
    ) {
        self.poolIndex = poolIndex
        self.index = index
        self.names = Unmanaged.passRetained(names)
        self.counters = counters
        self.lines = lines
        self.lineCount = lineCount
    }
}
