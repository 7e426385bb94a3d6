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
    /// Shared lines: `lineCount` for each of the pool's dialects, in the order in which those came into use. A client
    /// keeps to one, so its requests stay in order.
    public fileprivate(set) var lines: UnsafeMutablePointer<LineRef>
    public let lineCount: Int
    public fileprivate(set) var dialectCount = 0
    /// Transfer lines with nothing to do.
    public var spare: LineRef?
    /// Transfer lines, busy and spare.
    public var transferCount = 0
    /// Lines that are lent to clients.
    public var leaseCount = 0
    /// Clients that wait for a transfer line, first come first served; Session's.
    public var waitingFirst: UnsafeMutableRawPointer?
    public var waitingLast: UnsafeMutableRawPointer?
    /// The server could not be reached, several times in a row: requests are answered at once.
    public var isDown = false
    /// The errno, or another word, of the last failure.
    public var lastFailure: Int32 = 0
    public var retryAtMs: UInt64 = 0
    /// Tells the server's process from the one before a restart; from its run id.
    public var processTag: UInt64 = 0
    /// Since when no connection came about; 0 while one stands.
    public var failingSinceMs: UInt64 = 0

    package init(
        poolIndex: Int, index: Int, names: ShardName, counters: CounterBlock<ServerMetric>, lineCount: Int
    ) {
        self.poolIndex = poolIndex
        self.index = index
        self.names = Unmanaged.passRetained(names)
        self.counters = counters
        self.lineCount = lineCount
        lines = .allocate(capacity: 0)
    }

    /// Shared lines of all dialects.
    public var allLineCount: Int { lineCount * dialectCount }
}

extension UnsafeMutablePointer where Pointee == Shard {
    /// Adds shared lines of one more dialect behind the others; they connect when first needed.
    package func add(_ dialect: Dialect) {
        let count = pointee.allLineCount
        let wider = UnsafeMutablePointer<LineRef>.allocate(capacity: count + pointee.lineCount)
        wider.update(from: pointee.lines, count: count)
        for index in 0..<pointee.lineCount {
            (wider + count + index).initialize(to: Line.make(shard: self, role: .shared, dialect: dialect))
        }
        pointee.lines.deallocate()
        pointee.lines = wider
        pointee.dialectCount += 1
    }
}
