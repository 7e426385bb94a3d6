// ScriptStore: the scripts that clients have shown, by digest, so that one which a shard lacks can be given to it.
// Shared by the workers; looked at when a shard says NOSCRIPT and written when a script is first seen.
// Bounded in number and bytes: the oldest goes first, and then a client gets its NOSCRIPT and sends the script itself.
// Not here: when it is safe to run one again (Engine+Scripts).

import Hashing
import Synchronization

final class ScriptStore: Sendable {
    private struct Scripts {
        var byDigest: [[UInt8]: [UInt8]] = [:]
        var order: [[UInt8]] = []
        var sizeBytes = 0
    }

    private let scripts = Mutex(Scripts())
    private let count = Atomic<Int>(0)
    static let countMax = 1_000
    static let sizeBytesMax = 8_388_608

    var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

    func insert(_ script: [UInt8]) {
        let digest = SHA1.hexDigest(of: script)
        scripts.withLock { scripts in
            guard scripts.byDigest[digest] == nil, script.count <= Self.sizeBytesMax else { return }
            scripts.byDigest[digest] = script
            scripts.order.append(digest)
            scripts.sizeBytes += script.count
            while scripts.order.count > Self.countMax || scripts.sizeBytes > Self.sizeBytesMax {
                let oldest = scripts.order.removeFirst()
                scripts.sizeBytes -= scripts.byDigest.removeValue(forKey: oldest)?.count ?? 0
            }
            count.store(scripts.order.count, ordering: .relaxed)
        }
    }

    func script(_ digest: [UInt8]) -> [UInt8]? { scripts.withLock { $0.byDigest[digest] } }

    func removeAll() {
        scripts.withLock { $0 = Scripts() }
        count.store(0, ordering: .relaxed)
    }
}
