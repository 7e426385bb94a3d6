// Shard: one part of a pool's keys, and this worker's connections to the server that holds it.
// Not here: which keys those are (Routing), what a line does (Line), what opens a breaker (Routing/Health).

public import Platform
public import Routing
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
    public let queueTimes: HistogramBlock
    public let backendTimes: HistogramBlock
    /// Shared lines: `lineCount` for each of the pool's dialects, in the order in which those came into use. A client
    /// keeps to one, so its requests stay in order.
    public fileprivate(set) var lines: UnsafeMutablePointer<LineRef>
    public let lineCount: Int
    package let sharedLimits: SharedLineLimits
    public fileprivate(set) var dialectCount = 0
    /// All lines to the server, whatever they are for, linked by `nextOfShard`.
    public internal(set) var firstLine: LineRef?
    /// Transfer lines with nothing to do.
    public var spare: LineRef?
    /// Transfer lines, busy and spare.
    public var transferCount = 0
    /// Lines that are lent to clients.
    public var leaseCount = 0
    /// Clients that wait for a transfer line, first come first served; Session's.
    public var waitingFirst: UnsafeMutableRawPointer?
    public var waitingLast: UnsafeMutableRawPointer?
    /// What this worker thinks of the server.
    public var breaker = Breaker()
    /// The breaker is not closed, so it must be asked.
    public var isGuarded = false
    /// This worker has told the others that it is out.
    public var isOut = false
    /// Requests that asked it; decides which of them are in a trickle.
    public var askedCount: UInt32 = 0
    /// The errno, or another word, of the last failure.
    public var lastFailure: Int32 = 0
    /// Replies of the check under way that are still to come, and whether one of them was bad.
    public var checkRepliesLeft = 0
    public var check = ShardCheck()
    /// For the breaker's times and regular checks.
    public var healthTimer: TimerNode
    public var retryAtMs: UInt64 = 0
    /// Tells the server's process from the one before a restart; from its run id.
    public var processTag: UInt64 = 0
    /// Since when no connection came about; 0 while one stands.
    public var failingSinceMs: UInt64 = 0

    package init(
        poolIndex: Int, index: Int, names: ShardName, worker: Int, counters: Counters, backend: BackendOptions
    ) {
        self.poolIndex = poolIndex
        self.index = index
        self.names = Unmanaged.passRetained(names)
        self.counters = counters.server(index, pool: poolIndex, worker: worker)
        queueTimes = counters.queueTimes(server: index, pool: poolIndex, worker: worker)
        backendTimes = counters.backendTimes(server: index, pool: poolIndex, worker: worker)
        lineCount = backend.connectionCount
        sharedLimits = SharedLineLimits(backend)
        lines = .allocate(capacity: 0)
        // Belongs to the shard once that has its place in memory.
        healthTimer = TimerNode(kind: Self.healthTimerKind, owner: UnsafeMutableRawPointer(lines))
    }

    /// Kind of the timer, for whoever takes it out of the wheel.
    public static let healthTimerKind: UInt8 = 4

    /// Requests are answered with an error at once.
    public var isDown: Bool { isGuarded && !breaker.isTrickling }

    /// Shared lines of all dialects.
    public var allLineCount: Int { lineCount * dialectCount }
}

extension UnsafeMutablePointer where Pointee == Shard {
    public var healthTimer: TimerRef {
        UnsafeMutableRawPointer(self).advanced(by: MemoryLayout<Shard>.offset(of: \.healthTimer)!)
            .assumingMemoryBound(to: TimerNode.self)
    }

    /// Initializes a shard that stays where it is.
    package func settle(_ shard: Shard) {
        initialize(to: shard)
        pointee.healthTimer = TimerNode(kind: Shard.healthTimerKind, owner: UnsafeMutableRawPointer(self))
    }

    /// Adds shared lines of one more dialect behind the others; they connect when first needed.
    package func add(_ dialect: Dialect) {
        let count = pointee.allLineCount
        let wider = UnsafeMutablePointer<LineRef>.allocate(capacity: count + pointee.lineCount)
        wider.update(from: pointee.lines, count: count)
        for index in 0..<pointee.lineCount {
            let line = Line.make(shard: self, role: .shared, dialect: dialect)
            pointee.sharedLimits.apply(to: line)
            (wider + count + index).initialize(to: line)
        }
        pointee.lines.deallocate()
        pointee.lines = wider
        pointee.dialectCount += 1
    }
}
