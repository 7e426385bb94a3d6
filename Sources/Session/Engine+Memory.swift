// Engine+Memory: what one worker's buffers may take, and who gives way when they take too much.
//
//     below 80 %   nobody notices
//     from 80 %    free buffers go back to the system, copies of hot keys end, replies that wait leave the large
//                  buffers that they lie in, and clients for whom more than their share waits to go out are not read
//                  until it is below 70 % again
//     from 100 %   no client is read for a moment, and those that hold most are cut until it is below 90 %
//
// A client whose share is what it sent itself is read on: requests that are not all there go away by being read, and a
// client that waited for its own would wait for ever.
// What backends are owed is bounded by `server_queue_limit` and leaves with its deadlines. Sockets' buffers are the
// kernel's, and small things (clients, queues' entries) come on top: both are the constant that the docs name.
// Not here: one client's own limits (Engine+Output, Engine+Replies).

import Glibc
import Logging
import Platform
import Telemetry
import Upstream
import Wire

/// A worker's budget and its state. Sizes in bytes.
struct MemoryBudget: BitwiseCopyable {
    /// Of this worker; `Int.max` for none.
    let limitBytes: Int
    /// Above it the next look is taken.
    var watchBytes: Int
    /// Clients that hold much are not read.
    var isTight = false
    var nextLookMs: UInt64 = 0

    init(processBytes: Int, workerCount: Int) {
        limitBytes = processBytes > 0 ? processBytes / workerCount : .max
        watchBytes = limitBytes == .max ? .max : limitBytes / 10 * 8
    }

    func percent(_ count: Int) -> Int { limitBytes / 100 * count }
}

extension Engine {
    private static var lookEveryMs: UInt64 { 50 }
    /// A reply that waits in a chunk of more than so many times its size is moved out of it.
    private static var compactionFactor: Int { 4 }
    /// Of the chunks that they move to, which are not left again.
    private static var compactCapacityBytes: Int { 4_096 - Chunk.headerSizeBytes }

    /// Once a tick.
    @inline(__always)
    mutating func watchMemory() {
        if buffers.chunks.totalBytes > memory.watchBytes { relieveMemory() }
    }

    @inline(never)
    private mutating func relieveMemory() {
        let isOver = buffers.chunks.totalBytes > memory.limitBytes
        guard isOver || nowMs >= memory.nextLookMs else { return }
        memory.nextLookMs = nowMs + Self.lookEveryMs
        buffers.chunks.releaseFree()
        let tightBytes = memory.percent(80)
        if buffers.chunks.totalBytes > tightBytes {
            dropAllCopies()
            dropAllKeptValues()
            compactWaitingReplies()
            buffers.chunks.releaseFree()
        }
        // First, so that those who hold little are read on in the same moment, however often it comes to this.
        if buffers.chunks.totalBytes > memory.limitBytes { cutGreediest(buffers.chunks.totalBytes) }
        let totalBytes = buffers.chunks.totalBytes
        if totalBytes > (memory.isTight ? memory.percent(70) : tightBytes) { becomeTight(totalBytes) }
        // While it is tight every look counts, for it must be seen when it is over.
        if totalBytes <= memory.percent(70) { becomeEasy() }
    }

    private mutating func becomeTight(_ totalBytes: Int) {
        if !memory.isTight {
            memory.isTight = true
            memory.watchBytes = 0
            counters.add(.memoryShortages)
            log.warning(
                """
                worker \(workerIndex): buffers take \(totalBytes) of \(memory.limitBytes) bytes (memory_limit, each \
                worker's part); clients that hold most are not read until it is less
                """)
        }
        let isOver = totalBytes > memory.limitBytes
        let shareBytes = totalBytes / max(1, clientCount)
        for client in clients {
            if isOver || leavingBytes(of: client) > shareBytes {
                client.pointee.gate.insert(.memory)
                markDirty(client)
            } else if client.pointee.gate.contains(.memory) {
                letIn(client)
            }
        }
    }

    private mutating func becomeEasy() {
        guard memory.isTight else { return }
        memory.isTight = false
        memory.watchBytes = memory.percent(80)
        for client in clients {
            if client.pointee.gate.contains(.memory) { letIn(client) }
        }
        log.notice("worker \(workerIndex): buffers take \(buffers.chunks.totalBytes) bytes; all clients are read again")
    }

    private mutating func letIn(_ client: ClientRef) {
        client.pointee.gate.remove(.memory)
        if client.pointee.gate.isEmpty { scheduleResume(client) }
        markDirty(client)
    }

    /// Replies on hold, and a long request on its way.
    private func leavingBytes(of client: ClientRef) -> Int {
        client.pointee.heldBytes + (client.pointee.transfer?.pointee.line?.pointee.out.sizeBytes ?? 0)
    }

    /// With requests that are not all there.
    private func heldBytes(by client: ClientRef) -> Int {
        leavingBytes(of: client) + (client.pointee.intake?.pointee.chunk.pointee.capacityBytes ?? 0)
    }

    private mutating func cutGreediest(_ totalBytes: Int) {
        var holders: [(sizeBytes: Int, client: ClientRef)] = []
        for client in clients {
            let sizeBytes = heldBytes(by: client)
            if sizeBytes > 0 { holders.append((sizeBytes, client)) }
        }
        holders.sort { $0.sizeBytes > $1.sizeBytes }
        let enoughBytes = memory.percent(90)
        var cutCount = 0
        for (_, client) in holders {
            if buffers.chunks.totalBytes <= enoughBytes { break }
            cutSilently(client)
            buffers.chunks.releaseFree()
            cutCount += 1
        }
        guard cutCount > 0 else { return }
        log.error(
            """
            worker \(workerIndex): buffers took \(totalBytes) of \(memory.limitBytes) bytes (memory_limit, each \
            worker's part); the \(cutCount) clients that held most were cut
            """)
    }

    // MARK: Compaction

    /// A short reply that waits for an earlier one keeps the whole chunk that it came in.
    private mutating func compactWaitingReplies() {
        for client in clients {
            if client.pointee.head != client.pointee.tail { compact(client) }
        }
    }

    private mutating func compact(_ client: ClientRef) {
        var target: ChunkRef?
        for offset in 0..<UInt32(client.pointee.inFlightCount) {
            let slot = client.slot(client.pointee.head &+ offset)
            guard slot.pointee.state == .ready, let chunk = slot.pointee.chunk, chunk != statics.chunk,
                chunk.pointee.capacityBytes > Int(slot.pointee.sizeBytes) * Self.compactionFactor,
                chunk.pointee.capacityBytes != Self.compactCapacityBytes
            else { continue }
            let sizeBytes = Int(slot.pointee.sizeBytes)
            if target == nil || target!.roomBytes < sizeBytes {
                if let target { buffers.chunks.release(target) }
                target = buffers.chunks.take(atLeast: max(sizeBytes, Self.compactCapacityBytes))
            }
            let room = target.unsafelyUnwrapped
            memcpy(room.data + room.pointee.fillBytes, chunk.data + Int(slot.pointee.offset), sizeBytes)
            slot.pointee.offset = UInt32(room.pointee.fillBytes)
            slot.pointee.chunk = room
            room.pointee.fillBytes += sizeBytes
            room.retain()
            buffers.chunks.release(chunk)
        }
        if let target { buffers.chunks.release(target) }
    }

    // MARK: Soft limit

    /// Once a second: clients that have held much for long.
    mutating func cutSlowReaders() {
        guard options.outputSoftBytesMax > 0 else { return }
        let nowS = UInt32(truncatingIfNeeded: nowMs / 1_000)
        for client in clients {
            guard client.pointee.heldBytes > options.outputSoftBytesMax else {
                client.pointee.overSoftSinceS = 0
                continue
            }
            if client.pointee.overSoftSinceS == 0 { client.pointee.overSoftSinceS = max(1, nowS) }
            guard Int(nowS &- client.pointee.overSoftSinceS) >= options.outputSoftLimitS else { continue }
            cut(
                client,
                "\(client.pointee.heldBytes) bytes of replies wait for it, more than client_output_buffer_soft_limit "
                    + "(\(options.outputSoftBytesMax)) for \(options.outputSoftLimitS) s")
        }
    }
}
