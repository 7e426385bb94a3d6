// Engine+Pause: CLIENT PAUSE and UNPAUSE: for a while no client's commands, or no client's writes, are read, on any
// worker. What was read before goes on to its end. CLIENT UNPAUSE is read even then, or nobody could end a long pause.
// Not here: which clients there are (Engine+ClientCommands).

import Platform
import Routing
import Wire

/// Until when, and whether reads wait too.
struct ClientPause: Equatable, Sendable {
    /// In milliseconds of the workers' clock; 0: no pause.
    var untilMs: UInt64 = 0
    var includesReads = false
}

extension Engine {
    mutating func pauseClients(_ client: ClientRef, _ request: RequestView) {
        guard let limitMs = Self.integer(request[2]) else {
            return answerNow(client, error: "ERR timeout is not an integer or out of range")
        }
        guard limitMs >= 0 else { return answerNow(client, error: "ERR timeout is negative") }
        var pause = ClientPause(untilMs: nowMs &+ UInt64(limitMs), includesReads: true)
        if request.argumentCount == 4 {
            switch Self.text(request[3]).lowercased() {
            case "all": break
            case "write": pause.includesReads = false
            default: return answerNow(client, error: "ERR CLIENT PAUSE mode must be WRITE or ALL")
            }
        }
        answerNow(client, statics.ok)
        spread(pause)
    }

    mutating func unpauseClients(_ client: ClientRef) {
        answerNow(client, statics.ok)
        spread(ClientPause())
    }

    private mutating func spread(_ pause: ClientPause) {
        for (index, box) in shared.mailboxes.enumerated() where index != workerIndex { box.post(.pause(pause)) }
        apply(pause)
    }

    /// Some worker's client said so.
    mutating func apply(_ pause: ClientPause) {
        self.pause = pause
        if pause.untilMs <= nowMs { endPause() }
    }

    var isPaused: Bool { pause.untilMs > 0 }

    mutating func endPauseInTime() {
        if isPaused, nowMs >= pause.untilMs { endPause() }
    }

    private mutating func endPause() {
        pause = ClientPause()
        for client in clients {
            guard client.pointee.gate.contains(.paused) else { continue }
            client.pointee.gate.remove(.paused)
            scheduleResume(client)
        }
    }

    /// - Returns: true when the request must wait, unread.
    mutating func waitsForPause(_ client: ClientRef, _ request: RequestView) -> Bool {
        guard isPaused, let row = row(of: request), row.pointee.id != .clientUnpause else { return false }
        let mayChange = !row.pointee.flags.isDisjoint(with: [.write, .mayReplicate]) || row.pointee.id == .exec
        guard pause.includesReads || mayChange else { return false }
        putOff(client, .paused)
        return true
    }
}
