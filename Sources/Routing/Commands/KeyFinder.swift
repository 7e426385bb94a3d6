// KeyFinder: where the keys of a request are, by the key specifications of its row.
// Every argument is a peer's: it is bounded here and answered with a KeySearch, never trusted.
// Not here: which shard a key belongs to (planner), the command's row (CommandTable).

public import Wire

/// Stateless; the caller owns the list and reuses it.
public struct KeyFinder: BitwiseCopyable, Sendable {
    public init() {}

    /// Puts the argument indexes of all keys of `request` into `keys`, in the order of Valkey's COMMAND GETKEYS.
    /// `row` must be the request's own: its subcommand's, where it names one.
    public func find(
        _ row: UnsafePointer<CommandRow>, in request: RequestView, into keys: inout KeyList
    ) -> KeySearch {
        keys.removeAll()
        let count = request.argumentCount
        guard row.pointee.accepts(argumentCount: count) else { return .wrongArity }
        switch row.pointee.keyFinding {
        case .none:
            return .noKeys
        case .single:
            guard Int(row.pointee.keyFirst) < count else { return .wrongArity }
            keys.append(Int(row.pointee.keyFirst))
            return .found
        case .range, .keynum, .multiple:
            for index in 0..<row.pointee.specCount {
                let spec = row.pointee.spec(index)
                let result =
                    spec.find == .keynum
                    ? followKeynum(spec, row.pointee.numkeysRule, in: request, into: &keys)
                    : followRange(spec, from: Int(spec.position), argumentCount: count, into: &keys)
                if result != .found { return result }
            }
            return keys.count == 0 ? .noKeys : .found
        case .keyword:
            switch row.pointee.spec(row.pointee.specCount - 1).keyword {
            case .streams: return findStreams(row.pointee.spec1, in: request, into: &keys)
            case .store, .storeDist: return findStoreOptions(row.pointee.spec2, in: request, into: &keys)
            case .keys: return findMigrated(in: request, into: &keys)
            case .none: preconditionFailure("KeyFinder: a keyword row whose last specification has no keyword")
            }
        case .unknown:
            return findSorted(row, in: request, into: &keys)
        }
    }

    /// An empty range is legal: `PFMERGE destination`, `SUNSUBSCRIBE`.
    private func followRange(
        _ spec: KeySpec, from first: Int, argumentCount: Int, into keys: inout KeyList
    ) -> KeySearch {
        let last = spec.last < 0 ? argumentCount + Int(spec.last) : first + Int(spec.last)
        guard last < argumentCount else { return .wrongArity }
        let step = Int(spec.step)
        guard last >= first else { return .found }
        guard (last - first + 1) % step == 0 else { return .wrongArity }
        for index in stride(from: first, through: last, by: step) { keys.append(index) }
        return .found
    }

    private func followKeynum(
        _ spec: KeySpec, _ rule: NumkeysRule, in request: RequestView, into keys: inout KeyList
    ) -> KeySearch {
        let numberIndex = Int(spec.position) + Int(spec.keynumOffset)
        guard numberIndex < request.argumentCount else { return .wrongArity }
        let number: Int
        switch countOfKeys(request[numberIndex], rule) {
        case .number(let value): number = value
        case .fault(let fault): return .badNumkeys(fault)
        }
        let first = Int(spec.position) + Int(spec.firstKeyOffset)
        let step = Int(spec.step)
        // POP's direction, LEFT or MIN, must still have a place behind the keys.
        let available = (request.argumentCount - first - (rule == .pop ? 1 : 0)) / step
        guard number <= available else {
            switch rule {
            case .script, .function, .setCardinality: return .badNumkeys(.tooMany)
            case .pop, .sortedSet: return .syntax
            case .pairs: return .wrongArity
            case .none: preconditionFailure("KeyFinder: a keynum row without a rule")
            }
        }
        for index in 0..<number { keys.append(first + index * step) }
        return .found
    }

    private enum CountOfKeys {
        case number(Int)
        case fault(NumkeysFault)
    }

    private func countOfKeys(_ text: ByteView, _ rule: NumkeysRule) -> CountOfKeys {
        let number = strictInteger(text)
        switch rule {
        case .script, .function:
            guard let number else { return .fault(rule == .script ? .notAnInteger : .badFunctionCount) }
            return number < 0 ? .fault(.negative) : .number(number)
        case .pop, .setCardinality:
            guard let number, number > 0 else { return .fault(.notPositive) }
            return .number(number)
        case .sortedSet:
            guard let number else { return .fault(.notAnInteger) }
            return number < 1 ? .fault(.noInputKey) : .number(number)
        case .pairs:
            guard let number, number > 0 else { return .fault(.badPairCount) }
            return .number(number)
        case .none:
            preconditionFailure("KeyFinder: a keynum row without a rule")
        }
    }

    /// XREAD and XREADGROUP: options, then STREAMS, then as many keys as IDs. XREADGROUP must have named its group.
    private func findStreams(_ spec: KeySpec, in request: RequestView, into keys: inout KeyList) -> KeySearch {
        let count = request.argumentCount
        // GROUP is XREADGROUP's alone: its specification starts the search behind it.
        let hasGroup = spec.position > 1
        var isGroupNamed = !hasGroup
        var index = 1
        while index < count {
            let word = request[index]
            let following = count - index - 1
            if isWord(word, "STREAMS"), following > 0 {
                guard following % Int(spec.limit) == 0 else { return .unbalancedStreams }
                guard isGroupNamed else { return .syntax }
                for key in 0..<(following / Int(spec.limit)) { keys.append(index + 1 + key) }
                return .found
            }
            if (isWord(word, "COUNT") || isWord(word, "BLOCK")) && following >= 1 {
                index += 2
            } else if hasGroup && isWord(word, "GROUP") && following >= 2 {
                isGroupNamed = true
                index += 3
            } else if hasGroup && (isWord(word, "NOACK")) {
                index += 1
            } else {
                return .syntax
            }
        }
        return .syntax
    }

    /// GEORADIUS and GEORADIUSBYMEMBER: key, shape, options with STORE and STOREDIST among them.
    private func findStoreOptions(_ spec: KeySpec, in request: RequestView, into keys: inout KeyList) -> KeySearch {
        let count = request.argumentCount
        keys.append(1)
        var index = Int(spec.position)
        while index < count {
            let word = request[index]
            if isWord(word, "STORE") || isWord(word, "STOREDIST") {
                guard index + 1 < count else { return .syntax }
                keys.append(index + 1)
                index += 2
            } else if isWord(word, "COUNT") {
                index += 2
            } else {
                index += 1
            }
        }
        return .found
    }

    /// MIGRATE: one key at 3, or an empty argument there and the keys behind the word KEYS.
    private func findMigrated(in request: RequestView, into keys: inout KeyList) -> KeySearch {
        let count = request.argumentCount
        var index = 6
        while index < count {
            let word = request[index]
            if isWord(word, "KEYS") {
                guard request[3].count == 0 else { return .syntax }
                for key in (index + 1)..<count { keys.append(key) }
                return keys.count == 0 ? .noKeys : .found
            }
            index += isWord(word, "AUTH") ? 2 : isWord(word, "AUTH2") ? 3 : 1
        }
        keys.append(3)
        return .found
    }

    /// SORT and SORT_RO. BY and GET read keys that are made from the sorted elements, unless the pattern
    /// has no `*`: then BY only means "do not sort", and GET gives nothing (`#`: the element itself).
    private func findSorted(
        _ row: UnsafePointer<CommandRow>, in request: RequestView, into keys: inout KeyList
    ) -> KeySearch {
        let count = request.argumentCount
        let canStore = row.pointee.specCount == 3
        var storeIndex = 0
        var readsOthers = false
        keys.append(1)
        var index = 2
        while index < count {
            let word = request[index]
            let following = count - index - 1
            if isWord(word, "ASC") || isWord(word, "DESC") || isWord(word, "ALPHA") {
                index += 1
            } else if isWord(word, "LIMIT") && following >= 2 {
                index += 3
            } else if canStore && isWord(word, "STORE") && following >= 1 {
                storeIndex = index + 1  // Valkey obeys the last one.
                index += 2
            } else if (isWord(word, "BY") || isWord(word, "GET")) && following >= 1 {
                if request[index + 1].buffer.contains(UInt8(ascii: "*")) { readsOthers = true }
                index += 2
            } else {
                return .syntax
            }
        }
        if storeIndex != 0 { keys.append(storeIndex) }
        return readsOthers ? .unknowable : .found
    }

    /// `word` must be upper case.
    private func isWord(_ text: ByteView, _ word: StaticString) -> Bool {
        guard text.count == word.utf8CodeUnitCount else { return false }
        for index in 0..<text.count {
            let byte = text[index]
            let folded = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte - 32 : byte
            if folded != word.utf8Start[index] { return false }
        }
        return true
    }
}

/// A decimal integer as Valkey reads arguments: no blanks, no plus, no leading zeros, no "-0", within 64 bits.
func strictInteger(_ text: ByteView) -> Int? {
    guard text.count >= 1, text.count <= 20 else { return nil }
    if text.count == 1, text[0] == UInt8(ascii: "0") { return 0 }
    let isNegative = text[0] == UInt8(ascii: "-")
    var index = isNegative ? 1 : 0
    guard index < text.count, text[index] >= UInt8(ascii: "1"), text[index] <= UInt8(ascii: "9") else { return nil }
    var value = 0
    while index < text.count {
        let digit = Int(text[index]) - 48
        guard digit >= 0, digit <= 9 else { return nil }
        // Negative all along: its range is larger by one.
        let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
        let (next, isTooLow) = product.subtractingReportingOverflow(digit)
        guard !isTooLarge, !isTooLow else { return nil }
        value = next
        index += 1
    }
    if isNegative { return value }
    return value == Int.min ? nil : -value
}
