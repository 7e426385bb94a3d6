// Counters: owns every counter block of the process and adds the workers up when somebody asks.
// Each block starts on a cache line of its own, so that no worker's count ever slows another's.
// Where the layout changes while the process runs, other counters follow these and go on from their numbers: what is
// shown of a pool or a server is the sum over all that had its name.
// Not here: how a block is written (CounterBlock), what the numbers mean (Metric).

import Glibc
import Synchronization

/// What to count for: workers, pools and each pool's servers. Fixed for the life of one `Counters`.
package struct TelemetryLayout: Sendable, Equatable {
    package struct Pool: Sendable, Equatable {
        package let name: String
        /// Ring names, as twemproxy shows them: the alias, or `host:port`.
        package let servers: [String]

        package init(name: String, servers: [String]) {
            self.name = name
            self.servers = servers
        }
    }

    /// At least 1.
    package let workerCount: Int
    package let pools: [Pool]
    /// What to call each command, by its index; times of others are not kept.
    package let commands: [String]

    package init(workerCount: Int, pools: [Pool], commands: [String] = []) {
        precondition(workerCount >= 1)
        self.workerCount = workerCount
        self.pools = pools
        self.commands = commands
    }
}

/// All counters of the process. Indices are those of the layout, from 0.
package final class Counters: Sendable {
    package let layout: TelemetryLayout
    /// Cells from one worker's part to the next one's.
    private let workerStride: Int
    /// Where a pool's cells begin inside a worker's part; its servers follow it.
    private let poolOffsets: [Int]
    /// Where its histograms begin: its servers', then its commands'. Those of the worker itself come last.
    private let poolTimesOffsets: [Int]
    private let memory: Memory
    private let earlier: Mutex<Earlier>

    /// What those before have counted.
    private enum Earlier {
        case none
        /// They are still written, and what is open in them counts too.
        case live(Counters)
        case past(CounterSnapshot, LatencySnapshot, TelemetryLayout)
    }

    /// Owned by `Counters` alone; every cell is atomic, so sharing the address is safe.
    private struct Memory: @unchecked Sendable {
        let base: UnsafeMutablePointer<Atomic<UInt64>>
        /// What the system gave; `base` is its first whole line.
        let allocation: UnsafeMutableRawPointer
    }

    private static let lineBytes = 64
    private static let timesPerServer = 2

    /// - Parameter older: those of the same process whose numbers go on here, until and after `earlierHaveEnded`.
    package init(layout: TelemetryLayout, following older: Counters? = nil) {
        self.layout = layout
        earlier = Mutex(older.map { .live($0) } ?? .none)
        var stride = Self.cellCount(of: WorkerMetric.self)
        var offsets: [Int] = []
        for pool in layout.pools {
            offsets.append(stride)
            stride += Self.cellCount(of: PoolMetric.self) + pool.servers.count * Self.cellCount(of: ServerMetric.self)
        }
        var timesOffsets: [Int] = []
        for pool in layout.pools {
            timesOffsets.append(stride)
            let timesCount = pool.servers.count * Self.timesPerServer + layout.commands.count
            stride += timesCount * HistogramBlock.cellCount
        }
        stride += HistogramBlock.cellCount
        workerStride = stride
        poolOffsets = offsets
        poolTimesOffsets = timesOffsets
        memory = Self.allocate(cellCount: stride * layout.workerCount)
    }

    /// Zeros that take no memory before they are written, as most commands are never used.
    private static func allocate(cellCount: Int) -> Memory {
        let sizeBytes = cellCount * MemoryLayout<Atomic<UInt64>>.stride + lineBytes
        guard let allocation = calloc(1, sizeBytes) else {
            preconditionFailure("Counters: no memory for \(sizeBytes) bytes")
        }
        let padding = -Int(bitPattern: allocation) & (lineBytes - 1)
        let start = allocation + padding
        return Memory(
            base: start.bindMemory(to: Atomic<UInt64>.self, capacity: cellCount), allocation: allocation)
    }

    deinit { free(memory.allocation) }

    /// Nobody writes those before any more: their last numbers stay, and nothing is open in them.
    package func earlierHaveEnded() {
        earlier.withLock { earlier in
            guard case .live(let older) = earlier else { return }
            older.earlierHaveEnded()
            earlier = .past(older.snapshot().countsAlone, older.latencies(), older.layout)
        }
    }

    /// The block of one worker.
    package func worker(_ worker: Int) -> CounterBlock<WorkerMetric> {
        CounterBlock(cells: memory.base + start(ofWorker: worker))
    }

    /// The block of one pool in one worker.
    package func pool(_ pool: Int, worker: Int) -> CounterBlock<PoolMetric> {
        CounterBlock(cells: memory.base + start(ofWorker: worker) + poolOffsets[pool])
    }

    /// The block of one server of one pool in one worker.
    package func server(_ server: Int, pool: Int, worker: Int) -> CounterBlock<ServerMetric> {
        precondition(server >= 0 && server < layout.pools[pool].servers.count)
        let offset = Self.cellCount(of: PoolMetric.self) + server * Self.cellCount(of: ServerMetric.self)
        return CounterBlock(cells: memory.base + start(ofWorker: worker) + poolOffsets[pool] + offset)
    }

    /// How long turns of one worker's loop last.
    package func loopTimes(worker: Int) -> HistogramBlock {
        HistogramBlock(cells: memory.base + start(ofWorker: worker) + workerStride - HistogramBlock.cellCount)
    }

    /// How long requests wait before they are written to a server, in one worker.
    package func queueTimes(server: Int, pool: Int, worker: Int) -> HistogramBlock {
        serverTimes(server, pool: pool, worker: worker, index: 0)
    }

    /// How long the server takes for them.
    package func backendTimes(server: Int, pool: Int, worker: Int) -> HistogramBlock {
        serverTimes(server, pool: pool, worker: worker, index: 1)
    }

    private func serverTimes(_ server: Int, pool: Int, worker: Int, index: Int) -> HistogramBlock {
        precondition(server >= 0 && server < layout.pools[pool].servers.count)
        let place = server * Self.timesPerServer + index
        return HistogramBlock(
            cells: memory.base + start(ofWorker: worker) + poolTimesOffsets[pool] + place * HistogramBlock.cellCount)
    }

    /// How long clients of one pool waited for their replies, by command, in one worker.
    package func commandTimes(pool: Int, worker: Int) -> CommandTimes {
        let servers = layout.pools[pool].servers.count * Self.timesPerServer * HistogramBlock.cellCount
        return CommandTimes(
            cells: memory.base + start(ofWorker: worker) + poolTimesOffsets[pool] + servers,
            commandCount: layout.commands.count)
    }

    /// All histograms, the workers added up.
    package func latencies() -> LatencySnapshot {
        var snapshot = LatencySnapshot()
        let workers = 0..<layout.workerCount
        snapshot.loops = workers.map { worker in Self.sum([loopTimes(worker: worker)]) }
        snapshot.pools = layout.pools.indices.map { index in
            var pool = LatencySnapshot.Pool()
            pool.servers = layout.pools[index].servers.indices.map { server in
                var times = LatencySnapshot.Server()
                times.queue = Self.sum(workers.map { queueTimes(server: server, pool: index, worker: $0) })
                times.backend = Self.sum(workers.map { backendTimes(server: server, pool: index, worker: $0) })
                return times
            }
            for command in layout.commands.indices {
                let blocks = workers.map { commandTimes(pool: index, worker: $0).block(of: command) }
                if blocks.contains(where: { !$0.isEmpty }) { pool.commands[command] = Self.sum(blocks) }
            }
            return pool
        }
        earlier.withLock { earlier in
            switch earlier {
            case .none: break
            case .live(let older): snapshot.add(older.latencies(), of: older.layout, to: layout)
            case .past(_, let latencies, let older): snapshot.add(latencies, of: older, to: layout)
            }
        }
        return snapshot
    }

    private static func sum(_ blocks: [HistogramBlock]) -> HistogramValues {
        blocks.reduce(into: HistogramValues()) { $1.add(to: &$0) }
    }

    /// The worker metrics of each worker.
    package func workers() -> [MetricValues<WorkerMetric>] {
        (0..<layout.workerCount).map { index in
            var values = MetricValues<WorkerMetric>()
            for metric in WorkerMetric.allCases { values.merge(metric, worker(index).read(metric)) }
            return values
        }
    }

    /// Adds the workers up. Each number is exact as of some moment during the call; together they are no instant's
    /// picture, for nobody is stopped for it.
    package func snapshot() -> CounterSnapshot {
        var sum = CounterSnapshot(
            process: total { worker($0) },
            pools: layout.pools.enumerated().map { poolIndex, pool in
                CounterSnapshot.Pool(
                    name: pool.name, values: total { self.pool(poolIndex, worker: $0) },
                    servers: pool.servers.enumerated().map { serverIndex, name in
                        CounterSnapshot.Server(
                            name: name, values: total { server(serverIndex, pool: poolIndex, worker: $0) })
                    })
            })
        earlier.withLock { earlier in
            switch earlier {
            case .none: break
            case .live(let older): sum.add(older.snapshot())
            case .past(let counts, _, _): sum.add(counts)
            }
        }
        return sum
    }

    private func total<M: MetricTable>(_ block: (Int) -> CounterBlock<M>) -> MetricValues<M> {
        var values = MetricValues<M>()
        for worker in 0..<layout.workerCount {
            let block = block(worker)
            for metric in M.allCases { values.merge(metric, block.read(metric)) }
        }
        return values
    }

    private func start(ofWorker worker: Int) -> Int {
        precondition(worker >= 0 && worker < layout.workerCount)
        return worker * workerStride
    }

    private static func cellCount<M: MetricSet>(of set: M.Type) -> Int {
        let cellsPerLine = lineBytes / MemoryLayout<Atomic<UInt64>>.stride
        return (set.allCases.count + cellsPerLine - 1) / cellsPerLine * cellsPerLine
    }
}
