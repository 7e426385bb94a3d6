// HTTPHouse: the connections of an HTTPServer and its turns, on its thread alone.
//
//     reading ──► answering ──► reading ...      each with a deadline; the one that is silent longest makes room
//        └──────► streaming                      ends when its client does not take what it is told
//
// Not here: starting and stopping (HTTPServer), answers (HTTPDesk).

import Platform

/// One client's connection.
private final class HTTPGuest {
    let descriptor: Int32
    var input: [UInt8] = []
    var output: [UInt8] = []
    var sentBytes = 0
    var isStream = false
    /// Nothing more is read, and the connection ends when the output is out.
    var isLast = false
    var watched: Interest = .read
    var deadlineMs: UInt64

    init(descriptor: Int32, deadlineMs: UInt64) {
        self.descriptor = descriptor
        self.deadlineMs = deadlineMs
    }

    var unsentBytes: Int { output.count - sentBytes }
}

struct HTTPHouse: ~Copyable {
    static let listenerTag: UInt64 = 0
    static let wakeupTag: UInt64 = 1
    private static let tickMs: UInt64 = 1_000
    private static let receiveBytes = 4_096

    private let poller: Poller
    private let listener: Int32
    private let limits: HTTPServer.Limits
    private let desk: any HTTPDesk
    private var guests: [UInt64: HTTPGuest] = [:]
    private var nextTag: UInt64 = 2
    private var tickAtMs: UInt64 = 0
    private var scratch = [UInt8](repeating: 0, count: HTTPHouse.receiveBytes)

    init(poller: consuming Poller, listener: Int32, limits: HTTPServer.Limits, desk: any HTTPDesk) {
        self.poller = poller
        self.listener = listener
        self.limits = limits
        self.desk = desk
    }

    private static func nowMs() -> UInt64 { Clock.nowNs() / 1_000_000 }

    mutating func turn() {
        let beforeMs = Self.nowMs()
        let readyCount = poller.wait(timeoutMs: tickAtMs > beforeMs ? Int(tickAtMs - beforeMs) : 0)
        let nowMs = Self.nowMs()
        for index in 0..<readyCount {
            let ready = poller.readiness(at: index)
            switch ready.tag {
            case Self.listenerTag: accept(nowMs)
            case Self.wakeupTag: return
            default: serve(ready, nowMs)
            }
        }
        if nowMs >= tickAtMs { tick(nowMs) }
    }

    mutating func closeAll() {
        for tag in guests.keys { close(tag) }
    }

    private mutating func tick(_ nowMs: UInt64) {
        tickAtMs = nowMs + Self.tickMs
        desk.tick()
        for (tag, guest) in guests where guest.deadlineMs <= nowMs { close(tag) }
        let streams = guests.filter { $0.value.isStream }
        guard !streams.isEmpty, let news = desk.news() else { return }
        for (tag, guest) in streams {
            guest.output += news
            flush(tag, guest, nowMs)
        }
    }

    // MARK: Guests

    private mutating func accept(_ nowMs: UInt64) {
        while true {
            let descriptor: Int32
            switch Socket.accept(listener) {
            case .client(let accepted): descriptor = accepted
            case .nobody: return
            case .exhausted:
                // Waiting for the listener would return at once: the client is still in the backlog.
                return Clock.nap(microseconds: 50_000)
            }
            if guests.count >= limits.connectionCountMax { makeRoom() }
            let tag = nextTag
            nextTag += 1
            let guest = HTTPGuest(descriptor: descriptor, deadlineMs: nowMs + UInt64(limits.requestMs))
            do throws(SystemError) {
                try poller.watch(descriptor, .read, tag: tag)
                guests[tag] = guest
            } catch {
                Socket.close(descriptor)
            }
        }
    }

    /// Whoever would have to go first goes now; streams only when there is nobody else.
    private mutating func makeRoom() {
        let first = guests.min {
            ($0.value.isStream ? 1 : 0, $0.value.deadlineMs) < ($1.value.isStream ? 1 : 0, $1.value.deadlineMs)
        }
        if let first { close(first.key) }
    }

    private mutating func close(_ tag: UInt64) {
        guard let guest = guests.removeValue(forKey: tag) else { return }
        poller.forget(guest.descriptor)
        Socket.close(guest.descriptor)
    }

    private mutating func serve(_ ready: Readiness, _ nowMs: UInt64) {
        guard let guest = guests[ready.tag] else { return }
        if ready.isReadable || ready.isBroken {
            guard receive(ready.tag, guest) else { return close(ready.tag) }
            answerAll(guest, nowMs)
        }
        flush(ready.tag, guest, nowMs)
    }

    /// - Returns: false when the connection is over.
    private mutating func receive(_ tag: UInt64, _ guest: HTTPGuest) -> Bool {
        let outcome = scratch.withUnsafeMutableBufferPointer {
            Socket.receive(guest.descriptor, into: $0.baseAddress!, count: $0.count)
        }
        switch outcome {
        case .bytes(let count):
            // What comes behind the last request is nobody's.
            if !guest.isLast { guest.input += scratch[..<count] }
            return true
        case .wouldBlock, .noMemory: return true
        case .ended, .failed: return false
        }
    }

    private mutating func answerAll(_ guest: HTTPGuest, _ nowMs: UInt64) {
        while !guest.isLast, !guest.input.isEmpty, guest.unsentBytes == 0 {
            switch HTTPRequest.read(guest.input) {
            case .incomplete: return
            case .refused(let status):
                guest.isLast = true
                respond(guest, HTTPResponse(status, status.text), keepsAlive: false, isHead: false, nowMs)
            case .complete(let request, let sizeBytes):
                guest.input.removeFirst(sizeBytes)
                var response = desk.answer(request)
                if response.isStream, guests.values.count(where: \.isStream) >= limits.streamCountMax {
                    response = HTTPResponse(.unavailable, "\(limits.streamCountMax) listen already; close a page")
                }
                guest.isLast = !request.keepsAlive || response.isStream
                respond(guest, response, keepsAlive: !guest.isLast, isHead: request.method == "HEAD", nowMs)
            }
        }
    }

    private func respond(
        _ guest: HTTPGuest, _ response: HTTPResponse, keepsAlive: Bool, isHead: Bool, _ nowMs: UInt64
    ) {
        guest.output += response.bytes(keepsAlive: keepsAlive, isHead: isHead)
        guest.isStream = response.isStream && !isHead
        guest.deadlineMs = nowMs + UInt64(limits.answerMs)
    }

    // MARK: Output

    private mutating func flush(_ tag: UInt64, _ guest: HTTPGuest, _ nowMs: UInt64) {
        while guest.unsentBytes > 0 {
            let outcome = guest.output.withUnsafeBytes {
                Socket.send(guest.descriptor, $0.baseAddress! + guest.sentBytes, count: guest.unsentBytes)
            }
            if case .bytes(let count) = outcome {
                guest.sentBytes += count
                continue
            }
            if case .failed = outcome { return close(tag) }
            break
        }
        if guest.unsentBytes == 0 {
            let hadOutput = !guest.output.isEmpty
            guest.output.removeAll()
            guest.sentBytes = 0
            if guest.isStream {
                guest.deadlineMs = nowMs + UInt64(limits.answerMs)
            } else if guest.isLast {
                return close(tag)
            } else if hadOutput {
                guest.deadlineMs = nowMs + UInt64(limits.requestMs)
                answerAll(guest, nowMs)
                if guest.unsentBytes > 0 { return flush(tag, guest, nowMs) }
            }
        } else if guest.isStream, guest.unsentBytes > limits.streamBytesMax {
            return close(tag)
        }
        watch(tag, guest)
    }

    private func watch(_ tag: UInt64, _ guest: HTTPGuest) {
        // Who has not taken an answer asks nothing more.
        let wanted: Interest = guest.unsentBytes > 0 ? (guest.isStream ? [.read, .write] : .write) : .read
        guard wanted != guest.watched else { return }
        poller.change(guest.descriptor, wanted, tag: tag)
        guest.watched = wanted
    }
}
