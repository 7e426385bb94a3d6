// Engine+Orders: an operator takes a shard out of the ring, or brings it back, whatever the pool's `on_failure` is.
// A shard that was taken out is held: no check brings it back. One that is down stays out until its check passes.
// Not here: who may give orders (Admin, `operator_commands`), how a ring is made and told (Engine+Ejection).

import Upstream

extension Engine {
    mutating func carryOut(_ order: ShardOrder) {
        let shard = pools[order.poolIndex].shards + order.shardIndex
        switch order.kind {
        case .eject: order.finish(ejectByOrder(shard))
        case .readmit: order.finish(readmitByOrder(shard))
        }
    }

    private func ejectByOrder(_ shard: ShardRef) -> ShardOrder.Answer {
        let text = name(of: shard).text
        if let refusal = leaveRing(shard, heldBy: "an operator") {
            return ShardOrder.Answer(isDone: false, text: "shard \(text) \(refusal); nothing was changed")
        }
        return ShardOrder.Answer(isDone: true, text: "shard \(text) is out of the ring until it is readmitted")
    }

    /// The way back for a shard that is out, held or not.
    func readmitByOrder(_ shard: ShardRef) -> ShardOrder.Answer {
        let text = name(of: shard).text
        guard shared.register[name(of: shard)].isEjected else {
            return ShardOrder.Answer(isDone: false, text: "shard \(text) is in the ring; nothing was changed")
        }
        guard shared.register[name(of: shard)].outCount == 0 else {
            return ShardOrder.Answer(
                isDone: false,
                text: "shard \(text) is still down (\(whyDown(shard))); nothing was changed; try again when it has "
                    + "passed its check")
        }
        shared.register.hold(name(of: shard), false)
        returnToRing(shard)
        return ShardOrder.Answer(isDone: true, text: "shard \(text) is back in the ring")
    }
}
