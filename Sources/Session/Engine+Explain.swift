// Engine+Explain: KEYWAY EXPLAIN: what becomes of a command, with what this process knows beside the config: the ring
// as it is now, breakers, copies of hot keys.
// Not here: the explanation itself (Routing/Explanation), which `keyway explain` makes of a config alone as well.

import Platform
import Routing
import Upstream
import Wire

extension Engine {
    mutating func explain(_ client: ClientRef, _ request: RequestView) {
        let bytes = RequestBuilder.bytes(Array(Self.words(request).dropFirst(2)))
        bytes.withUnsafeBufferPointer { buffer in
            var list = ArgumentList()
            guard
                case .complete(let inner) = RequestParser.parse(
                    buffer.baseAddress!, count: buffer.count, limits: options.limits, arguments: &list)
            else { preconditionFailure("Engine: a request made here does not parse") }
            do throws(ExplanationError) {
                let explanation = try explanation(of: inner, poolIndex: client.pointee.poolIndex)
                answerNow(client) { explanation.write(to: &$0) }
            } catch {
                answerNow(client, error: error.text)
            }
        }
    }

    private func explanation(of request: RequestView, poolIndex: Int) throws(ExplanationError) -> Explanation {
        let pool = pools[poolIndex]
        var explanation = try Explanation(
            request, commandTable,
            ExplainedPool(
                placement: pool.placement, shards: pool.options.shards.map { ($0.name, $0.endpoint.text) },
                computesAcrossShards: pool.options.computesAcrossShards))
        for index in explanation.keys.indices {
            explanation.keys[index].copies = copyState(of: explanation.keys[index].bytes, poolIndex: poolIndex)
        }
        for index in explanation.fragments.indices {
            let shard = pool.shards + explanation.fragments[index].shardIndex
            explanation.fragments[index].breaker = worstBreakerState(of: shard)
        }
        return explanation
    }
}
