// Judge: is a reply the right one? The ledger knows what the backends really did for each key of the request.
// A reply is what the backends made of this very request, or an error with a code that Keyway or a server has; one that
// says that nothing was executed tells the truth. Of a shard that has lied only the bytes are not held against it.
// Not here: errors and transactions (Judge+Errors, Judge+Transactions), order and number of replies (SimulatedClient),
// what backends check (SimulatedBackend, Ledger).

import Glibc

final class Judge {
    let ledger: Ledger
    let places: KeyPlaces
    private let audience: Audience
    let history: HotKeyHistory
    /// Of its options, what replies depend on.
    let stampede: StampedeProfile
    private let lies: () -> UInt64
    var errorCount = 0
    var answerCount = 0
    /// Errors are none that may come now: everything is well.
    var expectsSuccess = false

    /// - Parameter lies: a bit for each shard that has lied.
    init(
        ledger: Ledger, places: KeyPlaces, audience: Audience, history: HotKeyHistory, stampede: StampedeProfile,
        lies: @escaping () -> UInt64
    ) {
        self.ledger = ledger
        self.places = places
        self.audience = audience
        self.history = history
        self.stampede = stampede
        self.lies = lies
    }

    func check(_ request: Int, _ reply: UnsafeMutablePointer<UInt8>, count: Int) {
        answerCount += 1
        if reply[0] == 0x2D {
            let error = UnsafeBufferPointer(start: reply, count: min(count, 400))
            return checkError(request, String(decoding: error, as: UTF8.self))
        }
        let record = ledger.requests[request]
        let isRight: Bool
        switch record.kind {
        case .unwatch, .readmit: isRight = equals(reply, count, "+OK\r\n")
        case .ping:
            isRight =
                count == 14 && memcmp(reply, "$8\r\n", 4) == 0 && Ledger.readDigits(reply + 4, count: 8) == request
        case .hello: isRight = reply[0] == 0x2A || reply[0] == 0x25
        case .multi, .discard: isRight = equals(reply, count, "+OK\r\n")
        case .exec: isRight = isRightEnd(request, reply, count)
        case .publish: isRight = hasLied(request) || isRightAudience(record, reply, count)
        default:
            isRight =
                record.transaction >= 0
                ? equals(reply, count, "+QUEUED\r\n") : hasLied(request) || size(of: request, reply, count) == count
        }
        if !isRight { accuse(request, reply, count) }
        if record.kind == .discard { noteRefusalOfTransaction(request) }
    }

    /// For people.
    static func text(_ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: reply, count: min(count, 400)), as: UTF8.self).debugDescription
    }

    func equals(_ reply: UnsafeMutablePointer<UInt8>, _ count: Int, _ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && memcmp(reply, text.utf8Start, count) == 0
    }

    func accuse(_ request: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) {
        let record = ledger.requests[request]
        let parts = (0..<record.partCount).map { ledger.parts[record.firstPart + $0] }
        let text = Self.text(reply, count)
        ledger.accuse("request \(request) \(record): wrong reply of \(count) bytes \(text) for \(parts)")
    }

    // MARK: Replies

    /// The bytes that the right reply takes at the front of these; -1 when they begin with another one.
    func size(of request: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        let size = size(of: request, \.last, reply, count)
        return size < 0 && ledger.requests[request].kind.isRead ? self.size(of: request, \.earlier, reply, count) : size
    }

    private func size(
        of request: Int, _ result: KeyPath<Part, Result>, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int
    ) -> Int {
        let record = ledger.requests[request]
        for index in 0..<record.partCount {
            let part = ledger.parts + record.firstPart + index
            guard part.pointee.executionCount > 0, !part.pointee.wasOvertaken else { return -1 }
        }
        switch record.kind {
        case .set, .setMany, .watch: return hasFront(reply, count, "+OK\r\n") ? 5 : -1
        case .pop: return elementSize(record.firstPart, reply, count)
        case .get: return valueSize(record.firstPart, result, reply, count)
        case .getMany: return valuesSize(record, reply, count)
        case .increment, .append, .delete, .exists, .push:
            var sum = 0
            for index in 0..<record.partCount {
                let part = ledger.parts[record.firstPart + index]
                if part[keyPath: result].outcome == .none { return -1 }
                sum += part[keyPath: result].number
            }
            var position = 0
            return number(reply, count, &position, type: 0x3A) == sum ? position : -1
        case .ping, .hello, .multi, .exec, .discard, .unwatch, .publish, .readmit: return -1
        case .hotGet, .hotGetMany, .hotSet, .hotDelete: return -1
        }
    }

    func hasFront(_ reply: UnsafeMutablePointer<UInt8>, _ count: Int, _ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && memcmp(reply, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    private func valuesSize(_ record: SimulatedRequest, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var position = 0
        guard number(reply, count, &position, type: 0x2A) == record.partCount else { return -1 }
        for index in 0..<record.partCount {
            var size = valueSize(record.firstPart + index, \.last, reply + position, count - position)
            if size < 0 { size = valueSize(record.firstPart + index, \.earlier, reply + position, count - position) }
            if size < 0 { return -1 }
            position += size
        }
        return position
    }

    private func valueSize(
        _ part: Int, _ result: KeyPath<Part, Result>, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int
    ) -> Int {
        let result = ledger.parts[part][keyPath: result]
        switch result.outcome {
        case .missing: return hasFront(reply, count, "$-1\r\n") && !isRESP3(part) ? 5 : -1
        case .null: return hasFront(reply, count, "_\r\n") && isRESP3(part) ? 3 : -1
        case .value: return markedSize(part, result, reply, count)
        case .none, .done, .integer, .element, .error: return -1
        }
    }

    /// Its client speaks so.
    func isRESP3(_ part: Int) -> Bool { ledger.requests[ledger.parts[part].request].speaksRESP3 }

    /// Of a value with the number of the part that reads it.
    private func markedSize(_ part: Int, _ result: Result, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var position = 0
        let sizeBytes = result.sizeBytes
        guard number(reply, count, &position, type: 0x24) == 8 + sizeBytes, count >= position + sizeBytes + 10,
            Ledger.readDigits(reply + position, count: 8) == part,
            memcmp(reply + position + 8, Ledger.value(of: result.number), sizeBytes) == 0
        else { return -1 }
        return position + sizeBytes + 10
    }

    /// The key of a list and its first element, or that the time is over.
    private func elementSize(_ part: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        let frontBytes = 11 + Ledger.keySizeBytes
        switch ledger.parts[part].outcome {
        case .missing: return hasFront(reply, count, "*-1\r\n") && !isRESP3(part) ? 5 : -1
        case .null: return hasFront(reply, count, "_\r\n") && isRESP3(part) ? 3 : -1
        case .element:
            guard count > frontBytes, hasFront(reply, count, "*2\r\n$14\r\n"),
                ledger.part(ofKey: reply + 9, count: Ledger.keySizeBytes) == part
            else { return -1 }
            let size = markedSize(part, ledger.parts[part].last, reply + frontBytes, count - frontBytes)
            return size < 0 ? -1 : frontBytes + size
        default: return -1
        }
    }

    /// Where all is well the number is that of the clients that listen.
    private func isRightAudience(
        _ record: SimulatedRequest, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int
    ) -> Bool {
        var position = 0
        let heardCount = number(reply, count, &position, type: 0x3A)
        guard heardCount >= 0, position == count, ledger.parts[record.firstPart].executionCount == 1 else {
            return false
        }
        guard expectsSuccess else { return true }
        let part = ledger.parts[record.firstPart]
        let channel = SimulatedTopic(record.isOnShard ? .shardChannel : .channel, key: part.key)
        let clientCount = audience.count(hearing: channel)
        if heardCount != clientCount {
            ledger.accuse("PUBLISH on \(channel): \(heardCount) clients have heard it, and \(clientCount) listen")
        }
        return true
    }

    /// -1 when it does not stand there.
    func number(
        _ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ position: inout Int, type: UInt8
    ) -> Int {
        guard start[0] == type else { return -1 }
        var value = 0
        var index = 1
        while index < count, start[index] != 13 {
            let digit = start[index] &- 48
            if digit > 9 { return -1 }
            value = value &* 10 &+ Int(digit)
            index &+= 1
        }
        guard index &+ 1 < count, index > 1 else { return -1 }
        position = index &+ 2
        return value
    }

    var isAnybodyLying: Bool { lies() != 0 }

    func hasLied(_ request: Int) -> Bool {
        let lies = lies()
        return lies != 0 && ledger.parts(of: request).contains { places.meets(ledger.parts[$0].key, lies) }
    }
}
