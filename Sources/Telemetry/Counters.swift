// Counters: owns every counter block of the process and adds the workers up when somebody asks.
// Each block starts on a cache line of its own, so that no worker's count ever slows another's.
// Not here: how a block is written (CounterBlock), what the numbers mean (Metric).

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

    package init(workerCount: Int, pools: [Pool]) {
        precondition(workerCount >= 1)
        self.workerCount = workerCount
        self.pools = pools
    }
}

/// All counters of the process. Indices are those of the layout, from 0.
package final class Counters: Sendable {
    package let layout: TelemetryLayout
    /// Cells from one worker's part to the next one's.
    private let workerStride: Int
    /// Where a pool's cells begin inside a worker's part; its servers follow it.
    private let poolOffsets: [Int]
    private let memory: Memory

    /// Owned by `Counters` alone; every cell is atomic, so sharing the address is safe.
    private struct Memory: @unchecked Sendable {
        let base: UnsafeMutablePointer<Atomic<UInt64>>
        let cellCount: Int
    }

    private static let lineBytes = 64

    package init(layout: TelemetryLayout) {
        self.layout = layout
        var stride = Self.cellCount(of: WorkerMetric.self)
        var offsets: [Int] = []
        for pool in layout.pools {
            offsets.append(stride)
            stride += Self.cellCount(of: PoolMetric.self) + pool.servers.count * Self.cellCount(of: ServerMetric.self)
        }
        workerStride = stride
        poolOffsets = offsets
        let cellCount = stride * layout.workerCount
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: cellCount * MemoryLayout<Atomic<UInt64>>.stride, alignment: Self.lineBytes)
        let base = raw.bindMemory(to: Atomic<UInt64>.self, capacity: cellCount)
        for index in 0..<cellCount { (base + index).initialize(to: Atomic(0)) }
        memory = Memory(base: base, cellCount: cellCount)
    }

    deinit {
        memory.base.deinitialize(count: memory.cellCount)
        UnsafeMutableRawPointer(memory.base).deallocate()
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

    /// Adds the workers up. Each number is exact as of some moment during the call; together they are no instant's
    /// picture, for nobody is stopped for it.
    package func snapshot() -> CounterSnapshot {
        CounterSnapshot(
            process: total { worker($0) },
            pools: layout.pools.enumerated().map { poolIndex, pool in
                CounterSnapshot.Pool(
                    name: pool.name, values: total { self.pool(poolIndex, worker: $0) },
                    servers: pool.servers.enumerated().map { serverIndex, name in
                        CounterSnapshot.Server(
                            name: name, values: total { server(serverIndex, pool: poolIndex, worker: $0) })
                    })
            })
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
