// Engine+Monitor: MONITOR shows what Keyway is asked, by all clients of all its workers, in the form that servers
// give it. While nobody watches it costs one look at a flag a request. A monitor is bounded as any client is: one that
// does not take its lines is cut.
// Not here: what shards are asked in turn (a server's own MONITOR).

import Glibc
import Platform
import Routing
import Wire

/// One request as monitors are shown it.
struct MonitoredRequest {
    var time: String
    var place: String
    /// Each behind a blank, quoted.
    var words: [UInt8]
}

extension Engine {
    mutating func monitor(_ client: ClientRef) {
        answerNow(client, statics.ok)
        let state = state(of: client)
        guard !state.pointee.isMonitor else { return }
        state.pointee.isMonitor = true
        monitors.append(client)
        shared.changeMonitorCount(by: 1)
        isMonitored = true
    }

    /// The client is gone, or RESET.
    mutating func stopMonitoring(_ client: ClientRef) {
        guard let state = client.pointee.state, state.pointee.isMonitor else { return }
        state.pointee.isMonitor = false
        monitors.removeAll { $0 == client }
        shared.changeMonitorCount(by: -1)
        isMonitored = shared.monitorCount > 0
        dropStateIfEmpty(client)
    }

    /// A monitor came or went on some worker.
    mutating func monitorsChanged() { isMonitored = shared.monitorCount > 0 }

    /// What monitors are shown of a request; nil for those that carry secrets.
    func monitored(_ client: ClientRef, _ request: RequestView) -> MonitoredRequest? {
        if let row = row(of: request), row.pointee.flags.contains(.skipMonitor) { return nil }
        let secret = ["AUTH", "HELLO"].contains(Self.text(request[0], limit: 5).uppercased())
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let micros = String(now.tv_nsec / 1_000)
        let padded = String(repeating: "0", count: 6 - micros.count) + micros
        let place = Socket.peerAddress(of: client.pointee.descriptor)?.text ?? "?"
        var words: [UInt8] = []
        for index in 0..<request.argumentCount {
            words += Array(" \"".utf8)
            words += secret && index > 0 ? Array("(redacted)".utf8) : Self.escaped(request[index])
            words.append(UInt8(ascii: "\""))
        }
        return MonitoredRequest(time: "\(now.tv_sec).\(padded)", place: place, words: words)
    }

    private static func escaped(_ argument: ByteView) -> [UInt8] {
        var text: [UInt8] = []
        for index in 0..<argument.count {
            let byte = argument[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
            case 10: text += Array("\\n".utf8)
            case 13: text += Array("\\r".utf8)
            case 9: text += Array("\\t".utf8)
            case 7: text += Array("\\a".utf8)
            case 8: text += Array("\\b".utf8)
            case 32..<127: text.append(byte)
            default:
                let digits = String(byte, radix: 16)
                text += Array("\\x\(digits.count == 1 ? "0" : "")\(digits)".utf8)
            }
        }
        return text
    }

    /// Shows a request to the monitors of all workers. As at a server, the database is that after it: SELECT's own.
    mutating func show(_ request: MonitoredRequest, database: Int) {
        let line = Array("+\(request.time) [\(database) \(request.place)]".utf8) + request.words + [13, 10]
        showHere(line)
        guard shared.monitorCount > monitors.count else { return }
        let boxes = shared.mailboxes
        for (index, box) in boxes.enumerated() where index != workerIndex { box.post(.monitored(line)) }
    }

    mutating func showHere(_ line: [UInt8]) {
        // A monitor that is cut leaves the list.
        for client in monitors where !client.pointee.flags.contains(.closed) {
            let chunk = buffers.chunks.take(atLeast: line.count)
            memcpy(chunk.data, line, line.count)
            chunk.pointee.fillBytes = line.count
            sendUnasked(client, taking: chunk)
        }
    }
}
