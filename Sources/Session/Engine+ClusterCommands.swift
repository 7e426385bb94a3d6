// Engine+ClusterCommands: CLUSTER. Without `cluster_facade` a pool answers as a server without cluster support does.
// With it, it is a cluster of one node that has all slots: cluster clients work through the port, and need to know
// nothing of the shards behind it.
// Not here: where a key really lives (KEYWAY ROUTE).

import Hashing
import Platform
import Routing
import Upstream
import Wire

extension Engine {
    private static var slotMax: Int { 16_383 }

    mutating func answerClusterCommand(_ client: ClientRef, _ request: RequestView, _ id: CommandID) {
        let pool = pools[client.pointee.poolIndex].options
        guard pool.hasClusterFacade || id != .clusterKeyslot else { return forwardAnywhere(client, request) }
        if id == .clusterKeyslot {
            let slot = pool.placement.slot(of: Array(request[2].buffer))
            return answerNow(client) { $0.integer(slot) }
        }
        guard pool.hasClusterFacade else { return answerNow(client, error: ProxyError.noCluster) }
        guard let address = Socket.localAddress(of: client.pointee.descriptor)?.hostAndPort else {
            return answerNow(client, error: ProxyError.noClusterAddress)
        }
        switch id {
        case .clusterInfo: answerNow(client) { $0.verbatim(Self.clusterInfo) }
        case .clusterMyid, .clusterMyshardid: answerNow(client) { $0.bulk(Self.nodeID(pool.name)) }
        case .clusterNodes: clusterNodes(client, pool.name, address)
        case .clusterSlots: clusterSlots(client, pool.name, address)
        case .clusterShards: clusterShards(client, pool.name, address)
        case .clusterReplicas, .clusterSlaves, .clusterLinks, .clusterGetslotmigrations:
            answerNow(client) { $0.array(0) }
        default:
            answerNow(
                client,
                error: ProxyError.notSupported(
                    commandTable.wireName(of: id), why: "the slots of this one-node cluster are not kept apart"))
        }
    }

    private static var clusterInfo: String {
        [
            "cluster_enabled:1", "cluster_state:ok", "cluster_slots_assigned:16384", "cluster_slots_ok:16384",
            "cluster_slots_pfail:0", "cluster_slots_fail:0", "cluster_known_nodes:1", "cluster_size:1",
            "cluster_current_epoch:1", "cluster_my_epoch:1",
        ].map { $0 + "\r\n" }.joined()
    }

    /// 40 hexadecimal digits that are the pool's for ever.
    private static func nodeID(_ name: String) -> String {
        var digits = ""
        for part in UInt64(0)..<3 {
            let hash = name.utf8.reduce(14_695_981_039_346_656_037 &+ part) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211
            }
            let text = String(hash, radix: 16)
            digits += String(repeating: "0", count: 16 - text.count) + text
        }
        return String(digits.prefix(40))
    }

    private mutating func clusterNodes(_ client: ClientRef, _ name: String, _ address: (host: String, port: Int)) {
        let text =
            "\(Self.nodeID(name)) \(address.host):\(address.port)@0 myself,master - 0 0 1 connected 0-\(Self.slotMax)\n"
        answerNow(client) { $0.verbatim(text) }
    }

    private mutating func clusterSlots(_ client: ClientRef, _ name: String, _ address: (host: String, port: Int)) {
        answerNow(client) { reply in
            reply.array(1)
            reply.array(3)
            reply.integer(0)
            reply.integer(Self.slotMax)
            reply.array(4)
            reply.bulk(address.host)
            reply.integer(address.port)
            reply.bulk(Self.nodeID(name))
            reply.array(0)
        }
    }

    private mutating func clusterShards(_ client: ClientRef, _ name: String, _ address: (host: String, port: Int)) {
        answerNow(client) { reply in
            reply.array(1)
            reply.map(2)
            reply.bulk("slots")
            reply.array(2)
            reply.integer(0)
            reply.integer(Self.slotMax)
            reply.bulk("nodes")
            reply.array(1)
            reply.map(7)
            for (key, value) in [("id", Self.nodeID(name)), ("ip", address.host), ("endpoint", address.host)] {
                reply.bulk(key)
                reply.bulk(value)
            }
            reply.bulk("port")
            reply.integer(address.port)
            reply.bulk("role")
            reply.bulk("master")
            reply.bulk("replication-offset")
            reply.integer(0)
            reply.bulk("health")
            reply.bulk("online")
        }
    }
}
