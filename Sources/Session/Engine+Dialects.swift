// Engine+Dialects: which protocol and database a client is in, and the shared lines of each such pair.
// A client changes its dialect only when nothing of it is under way (`putsOff`), so no reply of the old one comes late.
// Lines of a dialect that nobody has used for a while are closed; the pool's first dialect stays connected.
// Not here: the commands HELLO and SELECT (Engine+LocalCommands), a connection's greeting (Engine+Lines).

import Platform
import Upstream
import Wire

extension Engine {
    private static var idleDialectMs: UInt64 { 60_000 }

    func dialect(of client: ClientRef) -> Dialect {
        Dialect(version: client.pointee.version, database: Int(client.pointee.database))
    }

    /// From its next request on the client speaks `version` and sees `database`.
    mutating func change(_ client: ClientRef, version: RESPVersion, database: Int) {
        client.pointee.version = version
        client.pointee.database = Int32(database)
        let poolIndex = client.pointee.poolIndex
        let index = dialectIndex(Dialect(version: version, database: database), poolIndex: poolIndex)
        client.pointee.lineBase = Int32(index * pools[poolIndex].options.backend.connectionCount)
    }

    mutating func dialectIndex(_ dialect: Dialect, poolIndex: Int) -> Int {
        if let index = pools[poolIndex].dialects.firstIndex(of: dialect) { return index }
        pools[poolIndex].dialects.append(dialect)
        for index in 0..<pools[poolIndex].shardCount { (pools[poolIndex].shards + index).add(dialect) }
        return pools[poolIndex].dialects.count - 1
    }

    mutating func closeIdleDialects() {
        for pool in pools where pool.dialects.count > 1 {
            for index in 0..<pool.shardCount {
                let shard = pool.shards + index
                for lineIndex in shard.pointee.lineCount..<shard.pointee.allLineCount {
                    closeIfIdle(shard.pointee.lines[lineIndex])
                }
            }
        }
    }

    private mutating func closeIfIdle(_ line: LineRef) {
        guard line.isReady, line.pointee.inFlight.isEmpty, line.pointee.out.isEmpty,
            nowMs - line.pointee.receivedAtMs >= Self.idleDialectMs
        else { return }
        closeUnused(line)
    }
}
