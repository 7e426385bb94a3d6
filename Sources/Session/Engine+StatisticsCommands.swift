// Engine+StatisticsCommands: KEYWAY STATS, LATENCY and SLOWLOG: what Keyway has counted, how long its commands took,
// and which requests took longest.
// Not here: the aggregate of the shards (Engine+Info), the numbers' meaning (Telemetry/Metric).

import Platform
import Telemetry
import Upstream
import Wire

extension Engine {
    /// - Returns: false when it is another subcommand, or has the wrong form.
    mutating func answerStatisticsCommand(_ client: ClientRef, _ request: RequestView, _ name: String) -> Bool {
        switch name {
        case "STATS" where request.argumentCount == 2: answerStats(client)
        case "LATENCY" where request.argumentCount == 2: answerLatency(client)
        case "SLOWLOG" where request.argumentCount <= 3: answerSlowLog(client, request)
        default: return false
        }
        return true
    }

    private mutating func answerStats(_ client: ClientRef) {
        let snapshot = allCounters.snapshot()
        let pool = snapshot.pools[client.pointee.poolIndex]
        answerNow(client) { reply in
            reply.map(3)
            reply.bulk("process")
            Self.append(snapshot.process, to: &reply)
            reply.bulk("pool")
            Self.append(pool.values, to: &reply)
            reply.bulk("shards")
            reply.map(pool.servers.count)
            for server in pool.servers {
                reply.bulk(server.name)
                Self.append(server.values, to: &reply)
            }
        }
    }

    private static func append<M: MetricTable>(_ values: MetricValues<M>, to reply: inout ReplyBuilder) {
        reply.map(M.allCases.count)
        for metric in M.allCases {
            reply.bulk(metric.row.name)
            reply.integer(values[metric])
        }
    }

    private mutating func answerLatency(_ client: ClientRef) {
        let names = allCounters.layout.commands
        let commands = allCounters.latencies().pools[client.pointee.poolIndex].commands.sorted { $0.key < $1.key }
        answerNow(client) { reply in
            reply.map(commands.count)
            for (index, times) in commands {
                let quantiles = [("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99), ("p999_us", 0.999)]
                reply.bulk(names[index])
                reply.map(2 + quantiles.count)
                reply.bulk("calls")
                reply.integer(Int(times.count))
                reply.bulk("total_us")
                reply.integer(Int(times.sumUs))
                for (name, part) in quantiles {
                    reply.bulk(name)
                    reply.integer(Int(times.quantileUs(part) ?? 0))
                }
            }
        }
    }

    private static var slowCountDefault: Int { 20 }

    private mutating func answerSlowLog(_ client: ClientRef, _ request: RequestView) {
        if request.argumentCount > 2, Self.text(request[2]).uppercased() == "RESET" {
            shared.slowLog.removeAll()
            return answerNow(client, statics.ok)
        }
        guard let count = Self.wantedCount(request, otherwise: Self.slowCountDefault) else {
            return answerNow(client, error: ProxyError.notAnInteger)
        }
        let slow = shared.slowLog.latest(count)
        answerNow(client) { reply in
            reply.array(slow.count)
            for (number, request) in slow { Self.append(request, number: number, to: &reply) }
        }
    }

    private static func append(_ request: SlowRequest, number: Int, to reply: inout ReplyBuilder) {
        let numbers = [
            ("id", number), ("at_ms", request.atMs), ("client", request.clientID), ("total_us", request.totalUs),
            ("queue_us", request.queueUs), ("backend_us", request.backendUs), ("merge_us", request.mergeUs),
        ]
        let texts = [
            ("command", Array(request.command.utf8)), ("key", request.key), ("pool", Array(request.pool.utf8)),
            ("shard", Array(request.shard.utf8)), ("outcome", Array(request.outcome.utf8)),
        ]
        reply.map(numbers.count + texts.count)
        for (name, value) in numbers {
            reply.bulk(name)
            reply.integer(value)
        }
        for (name, value) in texts {
            reply.bulk(name)
            reply.bulk(value)
        }
    }
}
