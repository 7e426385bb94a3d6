// ComputedArguments: the arguments of a computed command, read as Valkey reads them, with its errors.
// Valkey looks at some options only after it has looked at the keys: such an error is kept aside (`lateError`), for a
// key of the wrong type comes before it.
// Not here: what the keys hold.

import Wire

/// A request that a server would refuse as well; nothing needs to be fetched.
package struct ComputeRefusal: Error, Equatable {
    /// With its code and without CR LF.
    package let errorText: String
}

struct ComputedArguments: Equatable, Sendable {
    enum Aggregate: Sendable { case sum, min, max }

    let command: ComputedCommand
    /// Argument indexes of the keys, in the request's order.
    private(set) var keys: Range<Int>
    /// One a key.
    private(set) var weights: [Double] = []
    private(set) var aggregate = Aggregate.sum
    private(set) var hasScores = false
    /// 0: without limit.
    private(set) var limit = 0
    private(set) var wantsLength = false
    private(set) var wantsIndexes = false
    private(set) var wantsMatchLengths = false
    private(set) var matchLengthMin = 0
    /// What is wrong, once the keys' types are known to be right.
    private(set) var lateError: String?

    init(_ command: ComputedCommand, _ arguments: [[UInt8]]) throws(ComputeRefusal) {
        self.command = command
        guard arguments.count >= command.argumentCountMin else {
            throw ComputeRefusal(errorText: KeySearch.wrongArity.errorText(wireName: command.wireName)!)
        }
        keys = 1..<arguments.count
        switch command {
        case .pfcount, .sdiff, .sinter, .sunion: break
        case .sintercard: try readSetCardinality(arguments)
        case .zdiff, .zinter, .zunion, .zintercard: try readSortedSets(arguments)
        case .lcs:
            keys = 1..<3
            do { try readSubsequence(arguments) } catch { lateError = error.errorText }
        }
    }

    private static let syntax = ComputeRefusal(errorText: "ERR syntax error")
    private static let notAnInteger = ComputeRefusal(errorText: "ERR value is not an integer or out of range")

    // MARK: SINTERCARD

    private mutating func readSetCardinality(_ arguments: [[UInt8]]) throws(ComputeRefusal) {
        guard let count = ArgumentText.integer(arguments[1]), count >= 1 else {
            throw ComputeRefusal(errorText: "ERR numkeys should be greater than 0")
        }
        guard count <= arguments.count - 2 else {
            throw ComputeRefusal(errorText: "ERR Number of keys can't be greater than number of args")
        }
        keys = 2..<(2 + count)
        var index = keys.upperBound
        while index < arguments.count {
            guard ArgumentText.matches(arguments[index], "LIMIT"), index + 1 < arguments.count else {
                throw Self.syntax
            }
            try readLimit(arguments[index + 1])
            index += 2
        }
    }

    private mutating func readLimit(_ argument: [UInt8]) throws(ComputeRefusal) {
        guard let value = ArgumentText.integer(argument), value >= 0 else {
            throw ComputeRefusal(errorText: "ERR LIMIT can't be negative")
        }
        limit = value
    }

    // MARK: Sorted sets

    private mutating func readSortedSets(_ arguments: [[UInt8]]) throws(ComputeRefusal) {
        guard let count = ArgumentText.integer(arguments[1]) else { throw Self.notAnInteger }
        guard count >= 1 else {
            throw ComputeRefusal(errorText: "ERR at least 1 input key is needed for '\(command.wireName)' command")
        }
        guard count <= arguments.count - 2 else { throw Self.syntax }
        keys = 2..<(2 + count)
        weights = [Double](repeating: 1, count: count)
        do {
            var index = keys.upperBound
            while index < arguments.count { index = try readSortedSetOption(arguments, at: index) }
        } catch {
            lateError = error.errorText
        }
    }

    /// - Returns: where the next option begins.
    private mutating func readSortedSetOption(
        _ arguments: [[UInt8]], at index: Int
    ) throws(ComputeRefusal) -> Int {
        let remaining = arguments.count - index
        let option = arguments[index]
        let isCard = command == .zintercard
        let hasWeights = command == .zunion || command == .zinter
        if hasWeights, remaining > keys.count, ArgumentText.matches(option, "WEIGHTS") {
            for position in 0..<keys.count {
                guard let weight = DoubleText.value(of: arguments[index + 1 + position]) else {
                    throw ComputeRefusal(errorText: "ERR weight value is not a float")
                }
                weights[position] = weight
            }
            return index + 1 + keys.count
        }
        if hasWeights, remaining >= 2, ArgumentText.matches(option, "AGGREGATE") {
            aggregate = try readAggregate(arguments[index + 1])
            return index + 2
        }
        if !isCard, ArgumentText.matches(option, "WITHSCORES") {
            hasScores = true
            return index + 1
        }
        if isCard, remaining >= 2, ArgumentText.matches(option, "LIMIT") {
            try readLimit(arguments[index + 1])
            return index + 2
        }
        throw Self.syntax
    }

    private func readAggregate(_ argument: [UInt8]) throws(ComputeRefusal) -> Aggregate {
        if ArgumentText.matches(argument, "SUM") { return .sum }
        if ArgumentText.matches(argument, "MIN") { return .min }
        if ArgumentText.matches(argument, "MAX") { return .max }
        throw Self.syntax
    }

    // MARK: LCS

    private mutating func readSubsequence(_ arguments: [[UInt8]]) throws(ComputeRefusal) {
        var index = 3
        while index < arguments.count {
            let option = arguments[index]
            if ArgumentText.matches(option, "IDX") {
                wantsIndexes = true
            } else if ArgumentText.matches(option, "LEN") {
                wantsLength = true
            } else if ArgumentText.matches(option, "WITHMATCHLEN") {
                wantsMatchLengths = true
            } else if ArgumentText.matches(option, "MINMATCHLEN"), index + 1 < arguments.count {
                guard let value = ArgumentText.integer(arguments[index + 1]) else { throw Self.notAnInteger }
                matchLengthMin = max(0, value)
                index += 1
            } else {
                throw Self.syntax
            }
            index += 1
        }
        if wantsLength && wantsIndexes {
            throw ComputeRefusal(
                errorText: "ERR If you want both the length and indexes, please just use IDX.")
        }
    }
}
