// OperationSource+Verify: whole replies against what is expected of them: types, the values of verified keys, and what
// is inside arrays and transactions. The rules that make a value stale or missing are in Ledger.
// An error reply to a write leaves its outcome unknown: a proxy's timeout, say, while the server still executes it.
// Not here: replies of which the first bytes are enough (OperationSource).

import Wire

extension OperationSource {
    /// `repliesLeft` is already counted down.
    mutating func judgeWhole(_ operation: Operation, _ reply: UnsafePointer<UInt8>, _ count: Int) -> Judgement {
        let plan: ReplyPlan
        if workload.trace == nil {
            let kind = kinds[Int(operation.kind)]
            plan = plans[kind.firstPlan &+ Int(kind.replyCount &- 1 &- operation.repliesLeft)]
        } else if operation.note == TraceCursor.transactionNote {
            plan = ReplyPlan(rule: operation.repliesLeft == 0 ? .transaction : .plain)
        } else {
            plan = plans[kinds[Int(operation.kind)].firstPlan]
        }
        let judgement = judge(plan, operation.note, reply, count)
        if isVerified, operation.repliesLeft == 0 { pending.giveBack(operation.note) }
        return judgement
    }

    private mutating func judge(
        _ plan: ReplyPlan, _ block: UInt64, _ reply: UnsafePointer<UInt8>, _ count: Int
    ) -> Judgement {
        let look = ReplyLook.at(reply, count: count)
        if look == .error {
            complaint.note(.none, reply, count: 0)
            return .error
        }
        let entry = pending.entry(block, Int(plan.firstEntry))
        switch plan.rule {
        case .plain: return look == .none ? .miss : .good
        case .array, .transaction: return judgeElements(look, isTransaction: plan.rule == .transaction, reply, count)
        case .acknowledgement:
            guard isOK(reply, count) else { return complain(.wrong, .notAcknowledged, reply, count) }
            for index in 0..<Int(plan.entryCount) { finishWrite(entry[index]) }
            return .good
        case .read: return judgeValue(entry.pointee, reply, count).judgement
        case .reads: return judgeValues(plan, block, reply, count)
        case .exchange:
            let judgement = judgeValue(entry.pointee, reply, count).judgement
            // A reply that is another's says nothing of this write.
            if judgement != .wrong { finishWrite(entry.pointee) }
            return judgement
        case .status:
            return reply[0] == UInt8(ascii: "+") ? .good : complain(.wrong, .notAStatus, reply, count)
        case .integer:
            return reply[0] == UInt8(ascii: ":") ? .good : complain(.wrong, .notAnInteger, reply, count)
        }
    }

    private mutating func judgeElements(
        _ look: ReplyLook, isTransaction: Bool, _ reply: UnsafePointer<UInt8>, _ count: Int
    ) -> Judgement {
        if look == .none { return isTransaction ? complain(.error, .transactionFailed, reply, count) : .miss }
        // No array: a reply of another type, or `+QUEUED` in a transaction.
        guard let inside = ReplyLook.inside(reply, count: count) else { return .good }
        if isTransaction, inside.hasError { return complain(.error, .transactionFailed, reply, count) }
        return inside.hasNone ? .miss : .good
    }

    private func isOK(_ reply: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        count == 5 && reply[0] == UInt8(ascii: "+") && reply[1] == UInt8(ascii: "O") && reply[2] == UInt8(ascii: "K")
    }

    private func finishWrite(_ entry: PendingKeys.Entry) {
        workload.ledger?.finishWrite(of: entry.key, sequence: entry.sequence, wasAlone: entry.isAlone)
    }

    private mutating func complain(
        _ judgement: Judgement, _ reason: Complaint.Reason, _ reply: UnsafePointer<UInt8>, _ count: Int
    ) -> Judgement {
        complaint.note(reason, reply, count: count)
        return judgement
    }

    /// The worst of the elements' judgements; its complaint is the one that is kept.
    private mutating func judgeValues(
        _ plan: ReplyPlan, _ block: UInt64, _ reply: UnsafePointer<UInt8>, _ count: Int
    ) -> Judgement {
        guard var (elements, offset) = ReplyLook.arrayHeader(reply, count: count), elements == Int(plan.entryCount)
        else { return complain(.wrong, .elementCount, reply, count) }
        var worst = Judgement.good
        var index = Int(plan.firstEntry)
        while elements > 0 {
            let element = judgeValue(pending.entry(block, index).pointee, reply + offset, count - offset)
            if element.judgement == .wrong { return .wrong }
            if Self.severity(element.judgement) > Self.severity(worst) { worst = element.judgement }
            offset += element.usedBytes
            index += 1
            elements -= 1
        }
        guard offset == count else { return complain(.wrong, .elementCount, reply, count) }
        return worst
    }

    private static func severity(_ judgement: Judgement) -> Int {
        switch judgement {
        case .good: 0
        case .miss: 1
        case .missing: 2
        case .stale: 3
        case .error, .wrong: 4
        }
    }

    /// A bulk string or nil at `reply`, of at most `count` bytes, as the value of the entry's key.
    private mutating func judgeValue(
        _ entry: PendingKeys.Entry, _ reply: UnsafePointer<UInt8>, _ count: Int
    ) -> (judgement: Judgement, usedBytes: Int) {
        var length = -2
        var bodyAt = 0
        if count >= 3, reply[0] == UInt8(ascii: "_") {
            length = -1
            bodyAt = 3
        } else if count > 0, reply[0] == UInt8(ascii: "$"),
            case .length(let value, let sizeBytes) = scanLength(reply + 1, count: count - 1)
        {
            length = value
            bodyAt = 1 + sizeBytes
        }
        if length == -1 { return (judgeNone(entry, reply, bodyAt), bodyAt) }
        guard length >= 0, bodyAt + length + 2 <= count else {
            complaint.note(.notAValue, reply, count: count, key: entry.key)
            return (.wrong, count)
        }
        return (judgeBody(entry, reply + bodyAt, length), bodyAt + length + 2)
    }

    private mutating func judgeNone(
        _ entry: PendingKeys.Entry, _ reply: UnsafePointer<UInt8>, _ count: Int
    ) -> Judgement {
        if entry.floor == 0 || workload.canRemoveKeys { return .miss }
        complaint.note(.missing, reply, count: count, key: entry.key, floor: entry.floor)
        return .missing
    }

    private mutating func judgeBody(
        _ entry: PendingKeys.Entry, _ body: UnsafePointer<UInt8>, _ sizeBytes: Int
    ) -> Judgement {
        let reason: Complaint.Reason
        var label = VerifiedValue.Label(run: 0, thread: 0, sequence: 0)
        switch form.read(body, sizeBytes: sizeBytes, key: entry.key, prefix: prefix) {
        case .otherKey: reason = .otherKey
        case .malformed: reason = .malformed
        case .broken(let found):
            label = found
            reason = .broken
        case .whole(let found):
            label = found
            reason = fault(of: found, entry)
        }
        if reason == .none { return .good }
        complaint.note(reason, body, count: sizeBytes, key: entry.key, floor: entry.floor, label: label)
        return reason == .stale || reason == .foreign ? .stale : .wrong
    }

    /// What is wrong with a whole value of the right key.
    private func fault(of label: VerifiedValue.Label, _ entry: PendingKeys.Entry) -> Complaint.Reason {
        guard label.run == workload.runID else { return entry.floor == 0 ? .none : .foreign }
        if label.sequence < entry.floor { return .stale }
        if let ledger = workload.ledger, label.sequence > ledger.last(of: entry.key) { return .neverWritten }
        return label.thread == entry.key % threadCount ? .none : .wrongThread
    }
}
