// Judge+HotKeys: is the reply to a request for a hot key one that may come, though it may be from a copy? A client
// reads what it has written, and never goes back, in the order of its replies; and it sees nothing that is older than
// HotKeyHistory allows, nor what it has asked for only later. Where one client is told before a key's end that it is
// missing, so that it brings it anew, "missing" says nothing.
// Not here: errors (Judge+Errors).

import Glibc

extension Judge {
    /// - Parameter seen: by key, the newest state that the client has seen or made, on its connection.
    func checkHot(_ request: Int, _ reply: UnsafeMutablePointer<UInt8>, count: Int, _ seen: inout [Int]) {
        answerCount += 1
        if seen.isEmpty { seen = Array(repeating: 0, count: history.keyCount) }
        let record = ledger.requests[request]
        let size: Int
        switch record.kind {
        case .hotSet, .hotDelete: size = writeSize(record, reply, count, &seen)
        case .hotGet: size = hotSize(record.firstPart, reply, count, &seen)
        default:
            var position = 0
            guard number(reply, count, &position, type: 0x2A) == record.partCount else {
                return accuse(request, reply, count)
            }
            for part in ledger.parts(of: request) where position >= 0 {
                let partSize = hotSize(part, reply + position, count - position, &seen)
                position = partSize < 0 ? -1 : position + partSize
            }
            size = position
        }
        if size != count { accuse(request, reply, count) }
    }

    private func writeSize(
        _ record: SimulatedRequest, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int, _ seen: inout [Int]
    ) -> Int {
        let part = ledger.parts[record.firstPart]
        guard part.executionCount == 1, part.state >= 0 else { return -1 }
        if part.state < seen[part.key] {
            ledger.accuse("\(record): made the state \(part.state), and its client saw \(seen[part.key])")
        }
        seen[part.key] = max(seen[part.key], part.state)
        if isOfOneProcess(record) { history.tell(part.key, part.state, byProcess: record.process) }
        if record.kind == .hotSet { return hasFront(reply, count, "+OK\r\n") ? 5 : -1 }
        var position = 0
        return number(reply, count, &position, type: 0x3A) == part.number ? position : -1
    }

    /// The client was not given to another one meanwhile.
    private func isOfOneProcess(_ record: SimulatedRequest) -> Bool {
        record.process >= 0 && record.process == record.replyProcess
    }

    // MARK: Reads

    /// A GET was told that there is no such key.
    func isMissing(_ request: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int) -> Bool {
        guard ledger.requests[request].kind == .hotGet else { return false }
        return equals(reply, count, "_\r\n") || equals(reply, count, "$-1\r\n")
    }

    /// The bytes of the value at the front of these; -1 when there is none that may be.
    private func hotSize(
        _ part: Int, _ reply: UnsafeMutablePointer<UInt8>, _ count: Int, _ seen: inout [Int]
    ) -> Int {
        let (key, record) = (ledger.parts[part].key, ledger.requests[ledger.parts[part].request])
        let demands = [
            ("its client has seen", seen[key]), ("is due after the lease", ledger.parts[part].state),
            ("was told of before", isOfOneProcess(record) ? ledger.parts[part].toldState : 0),
        ]
        let floor = demands.map(\.1).max()!
        if hasFront(reply, count, isRESP3(part) ? "_\r\n" : "$-1\r\n") {
            // It may be there, and its client is to bring it anew.
            if record.kind == .hotGet, stampede.tellsEarly { return isRESP3(part) ? 3 : 5 }
            guard let state = history.missing(key, from: floor) else {
                ledger.accuse("part \(part): key \(key) is missing, which it has not been since \(demands)")
                return -1
            }
            seen[key] = max(seen[key], state)
            return isRESP3(part) ? 3 : 5
        }
        var position = 0
        let sizeBytes = number(reply, count, &position, type: 0x24)
        guard sizeBytes >= 8, count >= position + sizeBytes + 2,
            case let writer = Ledger.readDigits(reply + position, count: 8), writer >= 0, writer < ledger.partCount,
            case let written = ledger.parts[writer], written.key == key, written.state >= 0,
            written.executionCount == 1, sizeBytes == 8 + written.writtenBytes,
            memcmp(reply + position + 8, Ledger.value(of: writer), written.writtenBytes) == 0
        else { return -1 }
        for (what, demand) in demands where written.state < demand {
            ledger.accuse("part \(part): key \(key) in the state \(written.state), and \(demand) \(what)")
        }
        let writing = ledger.requests[written.request]
        if writing.session == record.session, written.request > ledger.parts[part].request {
            ledger.accuse("part \(part): key \(key) as part \(writer) writes it, which its client asks for later")
        }
        seen[key] = max(seen[key], written.state)
        return position + sizeBytes + 2
    }
}
