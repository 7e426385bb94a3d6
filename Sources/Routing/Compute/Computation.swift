// Computation: a command over several shards as plain reads of its keys and arithmetic on what they answer.
//
//     let computation = try Computation(.sunion, arguments: ...)      throws the error of a bad request
//     computation.fetches                                             one read a distinct key: send each to its shard
//     budget.refusal(of: ..., fetchedSizeBytes: ...)                  while replies come in
//     computation.finish(replies, version: ..., budget: ...)          the reply's bytes
//
// The reply has the bytes that one server with all the keys would have sent; sets come in an order of their own, as
// they do from a server. It is not a snapshot: each key is read at its own time, on its own shard.
// Not here: sockets, shards, who waits for the fetches (Session).

package import Wire

/// One read, to be sent to the shard of its key; RESP2 or RESP3.
package struct ComputeFetch: Equatable, Sendable {
    /// Index of the key among the client's arguments.
    package let keyArgument: Int
    /// The whole command.
    package let arguments: [[UInt8]]
}

package enum ComputeOutcome: Equatable, Sendable {
    /// For the client; an error where a server would give one, or where the budget does not suffice.
    case reply([UInt8])
    /// The answer to the fetch with this index has not the shape that a server would give it.
    case badPart(Int)
}

package struct Computation: Sendable {
    package let command: ComputedCommand
    /// In the order of the keys, each key once; at least one.
    package let fetches: [ComputeFetch]
    let arguments: ComputedArguments
    /// Which fetch each key of the request is answered by.
    let inputs: [Int]

    /// - Parameter arguments: the client's, its command's name first.
    /// - Throws: what a server would answer without looking at the keys.
    package init(_ command: ComputedCommand, arguments: [[UInt8]]) throws(ComputeRefusal) {
        self.command = command
        self.arguments = try ComputedArguments(command, arguments)
        var fetches: [ComputeFetch] = []
        var inputs: [Int] = []
        var known: [[UInt8]: Int] = [:]
        for index in self.arguments.keys {
            let key = arguments[index]
            if let earlier = known[key] {
                inputs.append(earlier)
                continue
            }
            known[key] = fetches.count
            inputs.append(fetches.count)
            fetches.append(
                ComputeFetch(keyArgument: index, arguments: Self.read(key, for: self.arguments)))
        }
        self.fetches = fetches
        self.inputs = inputs
    }

    package init(_ command: ComputedCommand, request: RequestView) throws(ComputeRefusal) {
        try self.init(command, arguments: (0..<request.argumentCount).map { Array(request[$0].buffer) })
    }

    /// A union of one is the one read that takes sets and sorted sets alike, and gives members of sets the score that
    /// they count with. Where the request's options are wrong, only the types of its keys matter.
    private static func read(_ key: [UInt8], for arguments: ComputedArguments) -> [[UInt8]] {
        let words = { (text: String) in text.split(separator: " ").map { Array($0.utf8) } }
        if arguments.lateError != nil { return words("TYPE") + [key] }
        switch arguments.command.operand {
        case .string: return words("GET") + [key]
        case .set: return words("SMEMBERS") + [key]
        case .sortedSet:
            return words("ZUNION 1") + [key] + (arguments.command == .zintercard ? [] : words("WITHSCORES"))
        }
    }

    /// - Parameter fetched: the replies to `fetches`, in their order. The first error among them is the reply, as the
    ///   server wrote it: it would have been a single server's as well.
    package func finish(_ fetched: [ReplyValue], version: RESPVersion, budget: ComputeBudget) -> ComputeOutcome {
        precondition(fetched.count == fetches.count, "Computation: a reply is missing")
        var reply = ReplyBuilder(version: version)
        do {
            try write(fetched, budget: budget, into: &reply)
        } catch {
            switch error {
            case .badPart(let index): return .badPart(index)
            case .error(let text):
                var failure = ReplyBuilder(version: version)
                failure.error(text)
                return .reply(failure.bytes)
            }
        }
        return .reply(reply.bytes)
    }

    enum Failure: Error {
        case error([UInt8])
        case badPart(Int)

        static func text(_ text: String) -> Failure { .error(Array(text.utf8)) }
    }

    private func write(
        _ fetched: [ReplyValue], budget: ComputeBudget, into reply: inout ReplyBuilder
    ) throws(Failure) {
        if let lateError = arguments.lateError {
            try checkTypes(fetched)
            throw .text(lateError)
        }
        // PFCOUNT alone looks at one key after the other: what a string holds may be wrong before the next key's type.
        if command != .pfcount { try refuseErrors(fetched) }
        let sizeBytes = fetched.reduce(0) { $0 + $1.sizeBytes }
        if let text = budget.refusal(of: command.wireName, fetchedSizeBytes: sizeBytes) { throw .text(text) }
        switch command {
        case .pfcount: reply.integer(try countDistinct(fetched))
        case .lcs: try writeSubsequence(fetched, budget: budget, into: &reply)
        case .sdiff, .sinter, .sunion, .sintercard: try writeSet(fetched, into: &reply)
        case .zdiff, .zinter, .zunion, .zintercard: try writeSortedSet(fetched, into: &reply)
        }
    }

    // MARK: Types

    private static let wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
    private static let noStrings = "ERR The specified keys must contain string values"

    private func refuseErrors(_ fetched: [ReplyValue]) throws(Failure) {
        for part in fetched {
            guard case .error(let text) = part else { continue }
            // LCS has words of its own for a key of another type.
            let isTranslated = command == .lcs && text.starts(with: Array("WRONGTYPE ".utf8))
            throw isTranslated ? .text(Self.noStrings) : .error(text)
        }
    }

    /// Answers to TYPE.
    private func checkTypes(_ fetched: [ReplyValue]) throws(Failure) {
        let allowed: Set<String> = command.operand == .string ? ["none", "string"] : ["none", "set", "zset"]
        for (index, part) in fetched.enumerated() {
            if case .error(let text) = part { throw .error(text) }
            guard case .simple(let type) = part else { throw .badPart(index) }
            if !allowed.contains(String(decoding: type, as: UTF8.self)) {
                throw .text(command == .lcs ? Self.noStrings : Self.wrongType)
            }
        }
    }
}

// MARK: One step for each kind of operand

extension Computation {
    private func countDistinct(_ fetched: [ReplyValue]) throws(Failure) -> Int {
        var union = HyperLogLog()
        for (index, part) in fetched.enumerated() {
            if part.isNull { continue }
            if case .error(let text) = part { throw .error(text) }
            guard case .bulk(let value?) = part else { throw .badPart(index) }
            switch union.merge(value) {
            case .merged: break
            case .notOne: throw .text("WRONGTYPE Key is not a valid HyperLogLog string value.")
            case .corrupted: throw .text("INVALIDOBJ Corrupted HLL object detected")
            }
            // One key alone: a server answers with the count that it has stored in the value.
            if inputs.count == 1, let count = HyperLogLog.storedCount(of: value) { return count }
        }
        return union.count
    }

    private func writeSubsequence(
        _ fetched: [ReplyValue], budget: ComputeBudget, into reply: inout ReplyBuilder
    ) throws(Failure) {
        var texts: [[UInt8]] = []
        for input in inputs {
            if fetched[input].isNull {
                texts.append([])
            } else if case .bulk(let text?) = fetched[input] {
                texts.append(text)
            } else {
                throw .badPart(input)
            }
        }
        let (cellCount, overflows) = texts[0].count.multipliedReportingOverflow(by: texts[1].count)
        if let text = budget.refusal(of: command.wireName, cellCount: overflows ? .max : cellCount) {
            throw .text(text)
        }
        let needsMatches = !arguments.wantsLength
        let subsequence = LongestCommonSubsequence(texts[0], texts[1], needsMatches: needsMatches)
        if arguments.wantsLength { return reply.integer(subsequence.lengthBytes) }
        guard arguments.wantsIndexes else { return reply.bulk(subsequence.text) }
        let matches = subsequence.matches.filter { $0.lengthBytes >= arguments.matchLengthMin }
        reply.map(2)
        reply.bulk("matches")
        reply.array(matches.count)
        for match in matches {
            reply.array(arguments.wantsMatchLengths ? 3 : 2)
            for start in [match.firstStart, match.secondStart] {
                reply.array(2)
                reply.integer(start)
                reply.integer(start + match.lengthBytes - 1)
            }
            if arguments.wantsMatchLengths { reply.integer(match.lengthBytes) }
        }
        reply.bulk("len")
        reply.integer(subsequence.lengthBytes)
    }

    private func writeSet(_ fetched: [ReplyValue], into reply: inout ReplyBuilder) throws(Failure) {
        var sets: [[Member]] = []
        for (index, part) in fetched.enumerated() {
            guard let members = SetAlgebra.members(of: part) else { throw .badPart(index) }
            sets.append(members)
        }
        let operands = inputs.map { sets[$0] }
        let result: [Member]
        switch command {
        case .sdiff: result = SetAlgebra.difference(operands)
        case .sunion: result = SetAlgebra.union(operands)
        default: result = SetAlgebra.intersection(operands)
        }
        if command == .sintercard { return reply.integer(limited(result.count)) }
        reply.set(result.count)
        for member in result { reply.bulk(member.bytes) }
    }

    private func writeSortedSet(_ fetched: [ReplyValue], into reply: inout ReplyBuilder) throws(Failure) {
        var sets: [[ScoredMember]] = []
        for (index, part) in fetched.enumerated() {
            guard let set = SortedSetAlgebra.members(of: part, withScores: command != .zintercard) else {
                throw .badPart(index)
            }
            sets.append(set)
        }
        let algebra = SortedSetAlgebra(
            operands: inputs.map { sets[$0] }, weights: arguments.weights, aggregate: arguments.aggregate)
        if command == .zintercard { return reply.integer(limited(algebra.intersection().count)) }
        let result: [ScoredMember]
        switch command {
        case .zdiff: result = algebra.difference()
        case .zunion: result = algebra.union()
        default: result = algebra.intersection()
        }
        // RESP2: members and scores in turn. RESP3: an array of two for each member.
        let isNested = arguments.hasScores && reply.version == .three
        reply.array(arguments.hasScores && !isNested ? 2 * result.count : result.count)
        for entry in SortedSetAlgebra.sorted(result) {
            if isNested { reply.array(2) }
            reply.bulk(entry.member.bytes)
            if arguments.hasScores { reply.double(entry.score) }
        }
    }

    private func limited(_ count: Int) -> Int {
        arguments.limit == 0 ? count : min(count, arguments.limit)
    }
}
