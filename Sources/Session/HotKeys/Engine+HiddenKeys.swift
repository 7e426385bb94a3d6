// Engine+HiddenKeys: in a pool with `hot_keys: replicate` clients neither see nor touch the copies that are on servers.
//
//     SCAN, KEYS     without them
//     DBSIZE         less those that this process's workers know of
//     RANDOMKEY      drawn again, a few times
//     all others     a key with the reserved prefix is refused
//
// What another process has copied is hidden alike, but counts in DBSIZE. Scripts that make up names, INFO, and
// notifications of keys' events see what the server has.
// Not here: names (Routing/HotKeys/ReservedKeys), asking for keys (Engine+Gathering, Engine+Merges).

import Glibc
import Platform
import Routing
import Upstream
import Wire

extension Engine {
    func hidesCopies(_ client: ClientRef) -> Bool {
        (poolViews + client.pointee.poolIndex).pointee.hot?.pointee.hidesCopies ?? false
    }

    /// The caller refuses the request.
    mutating func namesHiddenKey(_ request: RequestView, _ row: UnsafePointer<CommandRow>) -> Bool {
        guard fault(of: keyFinder.find(row, in: request, into: &keys), row) == nil else { return false }
        for index in 0..<keys.count where ReservedKeys.contains(request[keys[index]]) { return true }
        return false
    }

    /// What KEYS and the like has of each shard, without copies.
    mutating func hideCopies(in merge: MergeRef) {
        for index in 0..<merge.pointee.partCount {
            guard let bytes = ReservedKeys.hidden(in: merge.pointee.parts[index].reply),
                let old = merge.pointee.parts[index].chunk
            else { continue }
            let chunk = buffers.chunks.take(atLeast: bytes.count)
            memcpy(chunk.data, bytes, bytes.count)
            chunk.pointee.fillBytes = bytes.count
            buffers.chunks.release(old)
            merge.pointee.parts[index].chunk = chunk
            merge.pointee.parts[index].offset = 0
            merge.pointee.parts[index].sizeBytes = bytes.count
        }
    }

    /// Of the keys that servers count, those that clients know of.
    func visibleKeyCount(_ count: Int, _ client: ClientRef) -> Int {
        guard hidesCopies(client), let hot = (poolViews + client.pointee.poolIndex).pointee.hot else { return count }
        return max(0, count - hot.pointee.slots.spreadCopies)
    }
}
