// Engine+HealthCommands: KEYWAY HEALTH, EVENTS and READMIT: what the workers think of the shards, what happened to them
// of late, and the way back for one that an operator brings back.
// Not here: the judgement itself (Engine+Health, Engine+Ejection).

import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    private static var eventCountDefault: Int { 20 }

    /// The worst that any worker thinks comes first: some client meets it. What others have in flight is up to a second
    /// old.
    mutating func answerHealth(_ client: ClientRef) {
        let pool = pools[client.pointee.poolIndex]
        show(client, (0..<pool.shardCount).map { Self.bytes(healthFields(pool.shards + $0)) })
    }

    static func bytes(_ fields: [(String, String)]) -> [(String, [UInt8])] { fields.map { ($0.0, Array($0.1.utf8)) } }

    /// An array with a map for each row, as all lists of KEYWAY's own are.
    mutating func show(_ client: ClientRef, _ rows: [[(String, [UInt8])]]) {
        answerNow(client) { reply in
            reply.array(rows.count)
            for fields in rows {
                reply.map(fields.count)
                for (name, value) in fields {
                    reply.bulk(name)
                    reply.bulk(value)
                }
            }
        }
    }

    private func healthFields(_ shard: ShardRef) -> [(String, String)] {
        let names = name(of: shard)
        let entry = shared.register[names]
        let states = breakerStates(of: shard)
        let isOpenHere = !shard.pointee.breaker.isClosed && !shard.pointee.breaker.isTrickling
        let isOpen = states.contains { $0 == "open" || $0 == "probing" }
        let gauges = gaugesElsewhere(shard)
        var inFlight = gauges.inFlight
        for index in 0..<shard.pointee.allLineCount { inFlight += shard.pointee.lines[index].pointee.inFlight.count }
        let isConnected = shard.pointee.lines[0].isReady || gauges.connections > 0
        return [
            ("shard", names.name), ("address", names.endpoint.text), ("breaker", Self.worst(states)),
            ("workers", states.joined(separator: ",")),
            ("reason", isOpenHere ? whyDown(shard) : isOpen ? entry.reason : ""),
            ("next_check_ms", isOpenHere ? String(untilNextCheckMs(shard)) : "0"),
            ("connected", isConnected ? "yes" : "no"),
            ("ring", entry.isHeld ? "held" : entry.isEjected ? "out" : "in"),
            ("in_flight", String(inFlight)), ("in_flight_max", String(shard.pointee.lines[0].pointee.inFlightMax)),
        ]
    }

    /// What each worker thinks, in their order; the others as their gauges say.
    private func breakerStates(of shard: ShardRef) -> [String] {
        (0..<options.workerCount).map { worker in
            if worker == workerIndex { return "\(shard.pointee.breaker.state)" }
            switch counters(of: shard, worker: worker).read(.breakerState) {
            case BreakerGauge.closed: return "closed"
            case BreakerGauge.trickling: return "trickling"
            default: return "open"
            }
        }
    }

    /// Some client meets it.
    func worstBreakerState(of shard: ShardRef) -> String { Self.worst(breakerStates(of: shard)) }

    private static func worst(_ states: [String]) -> String {
        ["open", "probing", "trickling"].first { states.contains($0) } ?? "closed"
    }

    private func gaugesElsewhere(_ shard: ShardRef) -> (inFlight: Int, connections: Int) {
        var (inFlight, connections) = (0, 0)
        for worker in 0..<options.workerCount where worker != workerIndex {
            let block = counters(of: shard, worker: worker)
            inFlight += block.read(.inQueue) + block.read(.outQueue)
            connections += block.read(.serverConnections)
        }
        return (inFlight, connections)
    }

    private func counters(of shard: ShardRef, worker: Int) -> CounterBlock<ServerMetric> {
        allCounters.server(shard.pointee.index, pool: shard.pointee.poolIndex, worker: worker)
    }

    /// How many entries of a log were asked for; nil when that is no count.
    static func wantedCount(_ request: RequestView, otherwise countDefault: Int) -> Int? {
        guard request.argumentCount > 2 else { return countDefault }
        return Int(text(request[2])).flatMap { $0 >= 0 ? $0 : nil }
    }

    mutating func answerEvents(_ client: ClientRef, _ request: RequestView) {
        guard let count = Self.wantedCount(request, otherwise: Self.eventCountDefault) else {
            return answerNow(client, error: ProxyError.notAnInteger)
        }
        let events = shared.events.latest(count)
        answerNow(client) { reply in
            reply.array(events.count)
            for event in events {
                reply.array(3)
                reply.integer(event.atMs)
                reply.bulk(event.subject)
                reply.bulk(event.text)
            }
        }
    }

    mutating func answerReadmit(_ client: ClientRef, _ request: RequestView) {
        let pool = pools[client.pointee.poolIndex]
        guard pool.options.allowsOperatorCommands else {
            return answerNow(client, error: ProxyError.operatorsOnly("keyway|readmit"))
        }
        guard let shard = shard(named: Self.text(request[2], limit: 1_024), client) else { return }
        let answer = readmitByOrder(shard)
        if answer.isDone { answerNow(client, statics.ok) } else { answerNow(client, error: "ERR \(answer.text)") }
    }

    /// By its name or address; where there is none, the client is told.
    mutating func shard(named wanted: String, _ client: ClientRef) -> ShardRef? {
        let pool = pools[client.pointee.poolIndex]
        if let index = pool.options.shards.firstIndex(where: { $0.name == wanted || $0.endpoint.text == wanted }) {
            return pool.shards + index
        }
        let known = pool.options.shards.map(\.name).joined(separator: ", ")
        answerNow(client, error: "ERR pool \(pool.options.name) has no shard '\(wanted)'; its shards are \(known)")
        return nil
    }
}
