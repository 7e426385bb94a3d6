// Engine+End: what an engine gives back when its worker ends while the process goes on, as after a reload: buffers, the
// lines and shards, and the tables of hot and of missing keys. Nobody waits for anything here any more: those who have
// gone had their requests answered first, as the replies lie in many places.
// Not here: the sockets (Worker), the clients, which have left or were closed.

import Platform
import Routing
import Upstream

extension Engine {
    /// No client is left, and nothing is under way for one that has gone.
    var isDeserted: Bool { clientCount == 0 && unansweredCount == 0 }

    /// The drain is over. Who is cut counts no more, among listeners or anywhere else, for those workers of the process
    /// that go on.
    mutating func cutEverybody() {
        for client in Array(clients) { close(client, .byProxy) }
    }

    mutating func giveEverythingBack() {
        leaveShards()
        for index in pools.indices { forgetHotKeys(ofPool: index) }
        for index in pools.indices {
            for shardIndex in 0..<pools[index].shardCount { free(pools[index].shards + shardIndex) }
            pools[index].shards.deallocate()
            if let misses = (poolViews + index).pointee.misses {
                misses.pointee.kept?.deallocate(pool: &buffers)
                misses.pointee.prefixes.deallocate()
                misses.deallocate()
            }
            guard let hot = (poolViews + index).pointee.hot else { continue }
            hot.pointee.sketch.deallocate()
            hot.pointee.table.deallocate()
            hot.pointee.covers.deallocate()
            hot.deallocate()
        }
        dropWaits()
        buffers.chunks.release(requestChunk)
        buffers.chunks.release(receiveChunk)
    }

    private mutating func free(_ shard: ShardRef) {
        while let line = shard.pointee.firstLine {
            dropQuestions(on: line)
            line.forgetConnection(pool: &buffers)
            line.pointee.out.removeAll(pool: &buffers)
            line.free()
        }
        shard.pointee.lines.deallocate()
        shard.pointee.names.release()
    }
}
