import Platform
import Testing

@testable import Session

struct EngineOrdersTests {
    private func give(_ rig: EngineRig, _ kind: ShardOrder.Kind, shard: Int) -> ShardOrder.Answer {
        let order = ShardOrder(kind, poolIndex: 0, shardIndex: shard)
        rig.mailbox.post(.order(order))
        rig.settle()
        return order.wait(deadlineNs: 0)
    }

    @Test func aShardThatIsTakenOutGetsNoRequestsUntilItIsBack() throws {
        let rig = try EngineRig(shardCount: 3)
        let client = rig.connect()
        let key = rig.key(on: 1)
        _ = rig.ask(client, "SET", key, "1")
        #expect(give(rig, .eject, shard: 1).isDone)
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
        #expect(rig.ask(client, "KEYWAY", "HEALTH").contains("held"))
        // No check brings it back.
        rig.advance(ms: 60_000)
        #expect(rig.ask(client, "GET", key) == "$-1\r\n")
        #expect(give(rig, .readmit, shard: 1).isDone)
        #expect(rig.ask(client, "GET", key) == "$1\r\n1\r\n")
    }

    @Test func theLastShardStaysAndOneThatIsInIsNotReadmitted() throws {
        let rig = try EngineRig(shardCount: 2)
        #expect(give(rig, .eject, shard: 0).isDone)
        let refused = give(rig, .eject, shard: 1)
        #expect(!refused.isDone && refused.text.contains("last one in the ring"))
        #expect(!give(rig, .readmit, shard: 1).isDone)
        #expect(give(rig, .eject, shard: 0).isDone, "it is out already, and held from now on")
    }
}
