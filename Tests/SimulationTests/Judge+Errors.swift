// Judge+Errors: may this error be the reply? It has a code that Keyway or a server has, it comes only while something
// may be wrong, and when it says that nothing was executed, nothing was.
// Not here: other replies (Judge).

extension Judge {
    /// First words of errors; those that say nothing of the shards' own state come from Valkey.
    private static let codes: Set<String> = [
        "TIMEOUT", "CONNLOST", "SHARDDOWN", "OVERLOADED", "EXECABORT", "CROSSSLOT", "TOOLONG", "OOM",
    ]

    func checkError(_ request: Int, _ text: String) {
        errorCount += 1
        ledger.requests[request].isRefused = true
        let record = ledger.requests[request]
        // An operator may come too early, and come again.
        if record.kind == .readmit { return }
        let isExec = record.kind == .exec
        let isOfLiar = isExec ? members(of: request).contains(where: hasLied) : hasLied(request)
        let code = text.dropFirst().prefix { $0 != " " && $0 != "\r\n" }
        let isTooLate = code == "LEASELOST" && record.kind == .hotSet && stampede.isOn && stampede.refusesLateWrites
        let isKnown = Self.codes.contains(String(code)) || isOfLiar || isTooLate
        if expectsSuccess || !isKnown || record.kind == .multi {
            ledger.accuse("request \(request) \(record): the error \(text.debugDescription)")
        }
        if isExec, text.contains("watched its keys"), ledger.requests[record.transaction].watch < 0 {
            ledger.accuse("request \(request): nothing is watched: \(text.debugDescription)")
        }
        if code == "TIMEOUT", record.kind == .pop {
            ledger.accuse("request \(request): blocks, and was late: \(text.debugDescription)")
        }
        // Of a read that others share a server does not know whose it is.
        if code == "OOM", !isOfLiar, !(record.kind.isHot && record.kind.isRead), !hasServerError(record) {
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
            if part.shard == shard, part.executionCount > 0 {
                ledger.accuse("part \(record.firstPart + index): was executed, though: \(text.debugDescription)")
            }
        }
    }
}
