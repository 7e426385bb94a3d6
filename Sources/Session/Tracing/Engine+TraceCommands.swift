// Engine+TraceCommands: KEYWAY TRACE: what is traced, and its beginning and end.
// For operators, as it fills the log and has every request looked at while it lasts.
// Not here: the traces themselves (Engine+Tracing).

import Logging
import Wire

extension Engine {
    /// KEYWAY TRACE [CLIENT id | KEYS pattern [FOR seconds] | OFF].
    mutating func answerTrace(_ client: ClientRef, _ request: RequestView) {
        guard pools[client.pointee.poolIndex].options.allowsOperatorCommands else {
            return answerNow(client, error: ProxyError.operatorsOnly("keyway|trace"))
        }
        switch request.argumentCount {
        case 2: showTrace(client)
        case 3 where Self.text(request[2]).uppercased() == "OFF":
            if let order = shared.traces.order { endTrace(order) }
            answerNow(client, statics.ok)
        case 4, 6: beginTrace(client, request)
        default: answerNow(client, error: ProxyError.syntax)
        }
    }

    private mutating func showTrace(_ client: ClientRef) {
        guard let order = shared.traces.order, nowMs < order.untilMs else { return show(client, []) }
        let counts = shared.traces.counts
        let fields = [
            ("trace", order.text(showsKeys: true)), ("seconds_left", String((order.untilMs - nowMs + 999) / 1_000)),
            ("lines", String(counts.lines)), ("left_out", String(counts.leftOut)),
        ]
        show(client, [Self.bytes(fields)])
    }

    private mutating func beginTrace(_ client: ClientRef, _ request: RequestView) {
        var seconds = TraceOrder.secondsDefault
        if request.argumentCount == 6 {
            guard Self.text(request[4]).uppercased() == "FOR" else {
                return answerNow(client, error: ProxyError.syntax)
            }
            guard let given = Self.integer(request[5]), (1...TraceOrder.secondsMax).contains(given) else {
                return answerNow(client, error: "ERR a trace lasts 1 to \(TraceOrder.secondsMax) seconds")
            }
            seconds = given
        }
        let target: TraceOrder.Target
        switch Self.text(request[2]).uppercased() {
        case "CLIENT":
            guard let id = Self.integer(request[3]) else { return answerNow(client, error: ProxyError.notAnInteger) }
            target = .client(id)
        case "KEYS":
            guard request[3].count <= TraceOrder.patternBytesMax else {
                return answerNow(
                    client, error: "ERR the pattern is longer than \(TraceOrder.patternBytesMax) bytes")
            }
            target = .keys(
                pattern: Array(request[3].buffer), pool: pools[client.pointee.poolIndex].options.name)
        default: return answerNow(client, error: ProxyError.syntax)
        }
        guard traceLog.logLevel <= .notice else {
            return answerNow(
                client, error: "ERR log_level is \(traceLog.logLevel), and trace lines are notices; set it to notice")
        }
        begin(TraceOrder(target: target, untilMs: nowMs + UInt64(seconds) * 1_000), seconds: seconds, client)
        answerNow(client, statics.ok)
    }

    private mutating func begin(_ order: TraceOrder, seconds: Int, _ client: ClientRef) {
        shared.traces.begin(order)
        tell(
            "\(order.text(showsKeys: options.slowLog.showsKeys)): requests are traced for \(seconds) s, as client "
                + "\(client.pointee.id) asked (KEYWAY TRACE)")
        for (index, box) in shared.mailboxes.enumerated() where index != workerIndex { box.post(.traceChanged) }
        traceChanged()
    }
}
