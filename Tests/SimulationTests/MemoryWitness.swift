// MemoryWitness: that a worker whose buffers take too much cuts those clients that hold most, and no others, and stops
// at nothing else before it is below its limit. What lines hold for servers is bounded by their queues and comes on
// top: it is the constant below.
// Not here: that all is given back in the end (Simulation).

import Platform
import Upstream

@testable import Session

final class MemoryWitness {
    private let worker: Int
    private let ledger: Ledger
    private let world: World
    /// Of the clients, before the engine looks at its memory.
    private var holdings: [(client: ClientRef, sizeBytes: Int)] = []
    /// Of a line's buffers beyond its queue: replies that are not all there.
    private static let lineBytesMax = 1_048_576

    init(worker: Int, ledger: Ledger, world: World) {
        self.worker = worker
        self.ledger = ledger
        self.world = world
    }

    func look(at engine: borrowing Engine) {
        holdings.removeAll(keepingCapacity: true)
        guard engine.buffers.chunks.totalBytes > engine.memory.watchBytes else { return }
        for client in engine.clients { holdings.append((client, Self.heldBytes(by: client))) }
    }

    /// Lines to servers, whether they are connected or not.
    private static func lineCount(of engine: borrowing Engine) -> Int {
        var count = 0
        for poolIndex in engine.pools.indices {
            for index in 0..<engine.pools[poolIndex].shardCount {
                let shard = engine.pools[poolIndex].shards + index
                count += shard.pointee.allLineCount + shard.pointee.transferCount + shard.pointee.leaseCount
            }
        }
        return count
    }

    /// Written anew, so that the engine's own is not checked against itself.
    private static func heldBytes(by client: ClientRef) -> Int {
        var sizeBytes = client.pointee.heldBytes
        if let intake = client.pointee.intake { sizeBytes += intake.pointee.chunk.pointee.capacityBytes }
        if let line = client.pointee.transfer?.pointee.line { sizeBytes += line.pointee.out.sizeBytes }
        return sizeBytes
    }

    func compare(with engine: borrowing Engine) {
        guard !holdings.isEmpty else { return }
        var (smallestCut, largestKept) = (Int.max, 0)
        for (client, sizeBytes) in holdings {
            if client.pointee.flags.contains(.closed) {
                smallestCut = min(smallestCut, sizeBytes)
                world.trace.note("worker, client, bytes: cut for memory", worker, client.pointee.id, sizeBytes)
            } else {
                largestKept = max(largestKept, sizeBytes)
            }
        }
        if smallestCut < largestKept {
            ledger.accuse("worker \(worker): cut a client of \(smallestCut) bytes and not one of \(largestKept)")
        }
        let totalBytes = engine.buffers.chunks.totalBytes
        guard totalBytes > engine.memory.limitBytes else { return }
        if largestKept > 0 {
            ledger.accuse("worker \(worker): \(totalBytes) bytes, and a client of \(largestKept) bytes is kept")
        }
        let queueBytes = engine.pools[0].options.backend.queueSizeBytesMax
        let lineCount = Self.lineCount(of: engine)
        if totalBytes > engine.memory.limitBytes + lineCount * (2 * queueBytes + Self.lineBytesMax) {
            ledger.accuse("worker \(worker): \(totalBytes) bytes for \(lineCount) lines and no client")
        }
    }
}
