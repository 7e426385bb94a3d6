// Judge: is a reply the right one? The ledger knows what the backends really did for each key of the request.
// A reply is what the backends made of this very request, or an error with a code that Keyway or a server has; one that
// says that nothing was executed tells the truth. Of a shard that has lied only the bytes are not held against it.
// Not here: order and number of replies (SimulatedClient), what backends check (SimulatedBackend, Ledger).

import Glibc

final class Judge {
    let ledger: Ledger
    /// By key.
    private let shards: [Int]
    private var lies: () -> UInt64 = { 0 }
    private(set) var errorCount = 0
    private(set) var answerCount = 0
    /// Errors are none that may come now: everything is well.
    var expectsSuccess = false

    /// - Parameters:
    ///   - shards: of each key.
    ///   - lies: a bit for each shard that has lied.
    init(ledger: Ledger, shards: [Int], lies: @escaping () -> UInt64) {
        self.ledger = ledger
        self.shards = shards
        self.lies = lies
    }

    /// First words of errors; those that say nothing of the shards' own state come from Valkey.
    private static let codes: Set<String> = [
        "TIMEOUT", "CONNLOST", "SHARDDOWN", "OVERLOADED", "EXECABORT", "CROSSSLOT", "TOOLONG", "OOM",
    ]

    func check(_ request: Int, _ reply: UnsafeMutablePointer<UInt8>, count: Int) {
        answerCount += 1
        if reply[0] == 0x2D { return checkError(request, String(decoding: bytes(reply, count), as: UTF8.self)) }
        let record = ledger.requests[request]
        let isRight: Bool
        switch record.kind {
        case .ping:
            isRight =
                count == 14 && memcmp(reply, "$8\r\n", 4) == 0 && Ledger.readDigits(reply + 4, count: 8) == request
        case .hello: isRight = reply[0] == 0x2A || reply[0] == 0x25
        case .multi, .discard: isRight = equals(reply, count, "+OK\r\n")
        case .exec: isRight = isRightArray(request, reply, count)
        default:
            isRight =
                record.transaction >= 0
                ? equals(reply, count, "+QUEUED\r\n") : hasLied(request) || size(of: request, reply, count) == count
        }
        if !isRight { accuse(request, reply, count) }
        if record.kind == .discard { noteRefusalOfTransaction(request) }
    }

    private func bytes(_ start: UnsafeMutablePointer<UInt8>, _ count: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: start, count: min(count, 400))
    }

    private func equals(_ reply: UnsafeMutablePointer<UInt8>, _ count: Int, _ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && memcmp(reply, text.utf8Start, count) == 0
    }

    private func accuse(_ request: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) {
        let record = ledger.requests[request]
        let parts = (0..<record.partCount).map { ledger.parts[record.firstPart + $0] }
        let text = String(decoding: bytes(reply, count), as: UTF8.self).debugDescription
        ledger.accuse("request \(request) \(record): wrong reply of \(count) bytes \(text) for \(parts)")
    }

    // MARK: Replies

    /// The bytes that the right reply takes at the front of these; -1 when they begin with another one.
    private func size(of request: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
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
        case .set, .setMany: return hasFront(reply, count, "+OK\r\n") ? 5 : -1
        case .get: return valueSize(record.firstPart, result, reply, count)
        case .getMany: return valuesSize(record, reply, count)
        case .increment, .append, .delete, .exists:
            var sum = 0
            for index in 0..<record.partCount {
                let part = ledger.parts[record.firstPart + index]
                if part[keyPath: result].outcome == .none { return -1 }
                sum += part[keyPath: result].number
            }
            var position = 0
            return number(reply, count, &position, type: 0x3A) == sum ? position : -1
        case .ping, .hello, .multi, .exec, .discard: return -1
        }
    }

    private func hasFront(_ reply: UnsafeMutablePointer<UInt8>, _ count: Int, _ text: StaticString) -> Bool {
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
        case .missing: return hasFront(reply, count, "$-1\r\n") ? 5 : -1
        case .null: return hasFront(reply, count, "_\r\n") ? 3 : -1
        case .value:
            var position = 0
            let sizeBytes = result.sizeBytes
            guard number(reply, count, &position, type: 0x24) == 8 + sizeBytes, count >= position + sizeBytes + 10,
                Ledger.readDigits(reply + position, count: 8) == part,
                memcmp(reply + position + 8, Ledger.value(of: result.number), sizeBytes) == 0
            else { return -1 }
            return position + sizeBytes + 10
        case .none, .done, .integer, .error: return -1
        }
    }

    /// -1 when it does not stand there.
    private func number(
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

    // MARK: Transactions

    /// The requests between the transaction's MULTI and this, its end.
    private func members(of end: Int) -> Range<Int> { ledger.requests[end].transaction + 1..<end }

    private func isRightArray(_ exec: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        let members = members(of: exec)
        if members.contains(where: { ledger.requests[$0].isRefused }) { return false }
        if members.contains(where: hasLied) { return true }
        var position = 0
        guard number(reply, count, &position, type: 0x2A) == members.count else { return false }
        for member in members {
            let size = size(of: member, reply + position, count - position)
            if size < 0 { return false }
            position += size
        }
        return position == count
    }

    func noteRefusalOfTransaction(_ end: Int) {
        for member in members(of: end) { ledger.noteRefusal(of: member) }
    }

    // MARK: Errors

    private func checkError(_ request: Int, _ text: String) {
        errorCount += 1
        ledger.requests[request].isRefused = true
        let record = ledger.requests[request]
        let isExec = record.kind == .exec
        let isOfLiar = isExec ? members(of: request).contains(where: hasLied) : hasLied(request)
        let code = text.dropFirst().prefix { $0 != " " && $0 != "\r\n" }
        if expectsSuccess || !(Self.codes.contains(String(code)) || isOfLiar) || record.kind == .multi {
            ledger.accuse("request \(request) \(record): the error \(text.debugDescription)")
        }
        if code == "OOM", !isOfLiar, !hasServerError(record) {
            ledger.accuse("request \(request): no server said \(text.debugDescription)")
        }
        if text.contains(" failed on ") { return checkClaimOfPart(record, text) }
        let saysNothing = text.contains("othing was executed") || (code == "EXECABORT" && !isOfLiar)
        guard saysNothing else { return }
        if isExec { noteRefusalOfTransaction(request) } else { ledger.noteRefusal(of: request) }
    }

    private func hasServerError(_ record: SimulatedRequest) -> Bool {
        (0..<record.partCount).contains {
            let part = ledger.parts[record.firstPart + $0]
            return part.last.outcome == .error || part.earlier.outcome == .error
        }
    }

    /// The first shard's own error is told: what it claims is true of the keys of that shard.
    private func checkClaimOfPart(_ record: SimulatedRequest, _ text: String) {
        guard !record.kind.isRead, text.contains("othing was executed"),
            let name = text.firstMatch(of: /first on s(\d)/),
            let shard = Int(name.1)
        else { return }
        for index in 0..<record.partCount {
            let part = ledger.parts[record.firstPart + index]
            if shards[part.key] == shard, part.executionCount > 0 {
                ledger.accuse("part \(record.firstPart + index): was executed, though: \(text.debugDescription)")
            }
        }
    }

    private func hasLied(_ request: Int) -> Bool {
        let lies = lies()
        if lies == 0 { return false }
        let record = ledger.requests[request]
        for index in 0..<record.partCount
        where lies & 1 << UInt64(shards[ledger.parts[record.firstPart + index].key]) != 0 { return true }
        return false
    }
}
