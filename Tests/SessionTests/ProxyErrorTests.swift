// Errors for people: code word first, what happened, the number and its limit, what to do.

import Testing
import Upstream

@testable import Session

struct ProxyErrorTests {
    private let shard = ShardName(pool: "cache", name: "a", endpoint: .tcp(host: "10.0.0.7", port: 6_379))

    @Test func timeoutsSayWhetherAWriteMayStillHappen() {
        #expect(
            ProxyError.timeout(shard, limitMs: 250, isWrite: true, wasSent: true)
                == "TIMEOUT shard a (10.0.0.7:6379) did not answer within 250 ms (timeout of pool cache); "
                + "outcome unknown: it may still be executed"
        )
        #expect(
            ProxyError.timeout(shard, limitMs: 250, isWrite: false, wasSent: true).hasSuffix(
                "the late reply will be dropped"))
        #expect(
            ProxyError.timeout(shard, limitMs: 250, isWrite: true, wasSent: false).hasSuffix(
                "it was not sent, so nothing was executed"))
    }

    @Test func everyErrorOfAShardNamesIt() {
        let texts = [
            ProxyError.connectionLost(shard, reason: "r", isWrite: true),
            ProxyError.shardDown(shard, reason: "Connection refused", retryMs: 70),
            ProxyError.overloaded(shard, what: "7 requests", limit: 7, key: "server_in_flight_max"),
            ProxyError.transferCut(shard, reason: "r"),
            ProxyError.partFailed("mget", shard, failed: 1, of: 2, error: "LOADING wait"),
            ProxyError.badPart("mget", shard),
        ]
        for text in texts { #expect(text.contains("a (10.0.0.7:6379)"), "\(text)") }
    }

    @Test func aShardThatIsNamedByItsAddressIsNamedOnce() {
        let plain = ShardName(pool: "p", name: "10.0.0.7:6379", endpoint: .tcp(host: "10.0.0.7", port: 6_379))
        #expect(plain.text == "10.0.0.7:6379")
    }
}
