// Ledger: every request of a run, and what really became of it at the backends.
// Each key of each request is a part with a number of its own, and the number stands in the key, behind the hash tag:
// `{k007}00001234`. So a backend knows whose command it executes, whatever way the command took, and a value that is
// read carries the number of the part that reads it and the bytes of the part that wrote it.
// Not here: whether a reply is right (Judge).

import Glibc

enum RequestKind: UInt8 {
    case ping, hello, get, set, increment, append, delete, exists, getMany, setMany, multi, exec, discard
    case watch, unwatch, push, pop, publish, readmit
    /// Of keys that may be hot.
    case hotGet, hotGetMany, hotSet, hotDelete

    var isRead: Bool { self == .get || self == .exists || self == .getMany || self == .hotGet || self == .hotGetMany }
    var isHot: Bool { self == .hotGet || self == .hotGetMany || self == .hotSet || self == .hotDelete }
}

/// One request of a client.
struct SimulatedRequest {
    let kind: RequestKind
    let client: Int
    /// The client's connection, by its place in the ledger.
    let session: Int
    let firstPart: Int
    let partCount: Int
    /// For what stands in a transaction, its MULTI; otherwise -1.
    let transaction: Int
    /// Of a MULTI, the last WATCH that guards it, and of a WATCH, the one before; otherwise -1.
    var watch = -1
    /// Of a MULTI: the commands between it and its end.
    var memberCount = 0
    /// Of a MULTI: its server did not execute it, because a watched key had changed.
    var isNull = false
    /// Of a MULTI: it was executed though a key that was watched had changed, or was watched no more.
    var isGuardBroken = false
    /// Of a PUBLISH: SPUBLISH.
    var isOnShard = false
    /// Of a hot key: the process that had its client when it was asked for, and when its reply came; -1: neither.
    var process = -1
    var replyProcess = -1
    /// What its client spoke when the reply came.
    var speaksRESP3 = false
    /// Its reply was an error.
    var isRefused = false
    /// An error said that nothing was executed, or it was never sent to its end.
    var mustNotBeExecuted = false
}

/// What a backend did for one key of a request.
enum Outcome: UInt8 {
    case none, done, integer, value, missing
    /// Of a list, with its key.
    case element
    /// Missing, in RESP3.
    case null
    /// The server refused.
    case error
}

/// What one execution of a command brought.
struct Result {
    var outcome = Outcome.none
    /// The integer, the part that wrote the value, or the version of a key that is watched.
    var number = 0
    /// Size of the value read; of a message, the event of its publication.
    var sizeBytes = 0
}

struct Part {
    let request: Int
    let key: Int
    /// Size of the value that it writes, or publishes.
    let writtenBytes: Int
    var executionCount = 0
    /// Of the last execution, and of the one before: a read may be asked twice, and either reply may be the first.
    var last = Result()
    var earlier = Result()
    var outcome: Outcome {
        get { last.outcome }
        set { last.outcome = newValue }
    }
    var number: Int {
        get { last.number }
        set { last.number = newValue }
    }
    var sizeBytes: Int {
        get { last.sizeBytes }
        set { last.sizeBytes = newValue }
    }

    /// A server has it to execute or to refuse.
    mutating func begin() {
        if last.outcome != .none { earlier = last }
        last = Result()
    }
    /// The backend connection that saw its bytes, and the shard.
    var connection = -1
    var shard = -1
    /// A later command of its client on its key was executed before.
    var wasOvertaken = false
    /// Of a hot key: the state that it made, or the oldest that it may read; see HotKeyHistory.
    var state = -1
    /// The newest that somebody was told of when it was asked for.
    var toldState = 0
}

final class Ledger {
    static let keySizeBytes = 14
    private(set) var requests: UnsafeMutablePointer<SimulatedRequest>
    private(set) var parts: UnsafeMutablePointer<Part>
    private(set) var requestCount = 0
    private(set) var partCount = 0
    let requestCountMax: Int
    /// The connections of all clients.
    private var sessions: [SimulatedSocket] = []
    /// A transaction may be executed by several shards, each its part.
    let splitsTransactions: Bool
    private let partCountMax: Int
    /// The first thing that was wrong.
    private(set) var violation: String?

    static let partsPerRequestMax = 8

    init(requestCountMax: Int, splitsTransactions: Bool) {
        self.requestCountMax = requestCountMax
        self.splitsTransactions = splitsTransactions
        partCountMax = requestCountMax * Self.partsPerRequestMax
        requests = .allocate(capacity: requestCountMax)
        parts = .allocate(capacity: partCountMax)
    }

    deinit {
        requests.deallocate()
        parts.deallocate()
    }

    func accuse(_ text: @autoclosure () -> String) {
        if violation == nil { violation = text() }
    }

    func parts(of request: Int) -> Range<Int> {
        requests[request].firstPart..<requests[request].firstPart + requests[request].partCount
    }

    var hasRoom: Bool { requestCount + 64 < requestCountMax }

    /// Keyway has closed the connection of the client that asked.
    func isClosed(_ request: Int) -> Bool { sessions[requests[request].session].isClosedByEngine }

    // MARK: Writing

    /// - Returns: the connection's place.
    func addSession(_ socket: SimulatedSocket) -> Int {
        sessions.append(socket)
        return sessions.count - 1
    }

    /// The next `partCount` parts added belong to it.
    func addRequest(
        _ kind: RequestKind, client: Int, session: Int, partCount: Int, transaction: Int
    ) -> Int {
        precondition(requestCount < requestCountMax)
        (requests + requestCount).initialize(
            to: SimulatedRequest(
                kind: kind, client: client, session: session, firstPart: self.partCount, partCount: partCount,
                transaction: transaction))
        requestCount += 1
        return requestCount - 1
    }

    func addPart(key: Int, writtenBytes: Int) -> Int {
        (parts + partCount).initialize(
            to: Part(request: requestCount - 1, key: key, writtenBytes: writtenBytes))
        partCount += 1
        return partCount - 1
    }

    /// A backend connection has the whole of the command. One that only reads may be asked again, once, of another.
    func note(part: Int, seenBy connection: Int, shard: Int) {
        let before = parts[part].connection
        if before >= 0, before != connection, !requests[parts[part].request].kind.isRead {
            accuse("part \(part): its bytes reached connection \(before) and then \(connection)")
        }
        parts[part].connection = connection
        parts[part].shard = shard
    }

    func noteExecution(of part: Int) {
        parts[part].executionCount &+= 1
        let request = requests + parts[part].request
        let countMax = request.pointee.kind.isRead && request.pointee.transaction < 0 ? 2 : 1
        if parts[part].executionCount > countMax {
            accuse("part \(part): executed \(parts[part].executionCount) times")
        }
        if request.pointee.mustNotBeExecuted {
            accuse("part \(part) of request \(parts[part].request): executed, though it was said not to be")
        }
    }

    /// It was said that nothing of this request was executed.
    func noteRefusal(of request: Int) {
        // What a read left behind it, had it been executed, nobody could tell.
        if requests[request].kind.isRead, requests[request].transaction < 0 { return }
        requests[request].mustNotBeExecuted = true
        for index in 0..<requests[request].partCount {
            let part = requests[request].firstPart + index
            if parts[part].executionCount > 0 {
                accuse("request \(request): its part \(part) was executed, though the error says it was not")
            }
        }
    }

    // MARK: Bytes

    /// What the values of all parts are cut from: anything but `{`, with much that looks like RESP.
    nonisolated(unsafe) private static let pattern: UnsafeMutablePointer<UInt8> = {
        let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: valueSizeBytesMax + 512)
        let words: [StaticString] = [
            "$3\r\n", "*2\r\n", "+OK\r\n", "\r\n", "-ERR", ":1\r\n", ">2\r\n", "abc", "EXEC", "\0",
        ]
        var dice = Dice(seed: 1)
        var filled = 0
        while filled < valueSizeBytesMax + 500 {
            let word = words[dice.below(words.count)]
            memcpy(bytes + filled, word.utf8Start, word.utf8CodeUnitCount)
            filled += word.utf8CodeUnitCount
            bytes[filled] = 128 | UInt8(dice.below(128))
            filled += 1
        }
        return bytes
    }()
    static let valueSizeBytesMax = 1_000_000

    /// The value that a part writes, of any size.
    static func value(of part: Int) -> UnsafePointer<UInt8> { UnsafePointer(pattern + part % 251) }

    static func writeKey(_ key: Int, part: Int, to start: UnsafeMutablePointer<UInt8>) {
        start[0] = 0x7B
        start[1] = 0x6B
        writeDigits(key, count: 3, to: start + 2)
        start[5] = 0x7D
        writeDigits(part, count: 8, to: start + 6)
    }

    static func writeDigits(_ number: Int, count: Int, to start: UnsafeMutablePointer<UInt8>) {
        var left = number
        var index = count
        while index > 0 {
            index &-= 1
            start[index] = 48 &+ UInt8(truncatingIfNeeded: left % 10)
            left /= 10
        }
    }

    /// -1 when these are no digits.
    static func readDigits(_ start: UnsafePointer<UInt8>, count: Int) -> Int {
        var number = 0
        var index = 0
        while index < count {
            let digit = start[index] &- 48
            if digit > 9 { return -1 }
            number = number &* 10 &+ Int(digit)
            index &+= 1
        }
        return number
    }

    /// The part whose key this is; -1 when it is none.
    func part(ofKey start: UnsafePointer<UInt8>, count: Int) -> Int {
        guard count == Self.keySizeBytes, start[0] == 0x7B, start[5] == 0x7D else { return -1 }
        let part = Self.readDigits(start + 6, count: 8)
        return part >= 0 && part < partCount && parts[part].key == Self.readDigits(start + 2, count: 3) ? part : -1
    }
}
