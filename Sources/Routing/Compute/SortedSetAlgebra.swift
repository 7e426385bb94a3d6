// SortedSetAlgebra: difference, intersection and union of sorted sets that came as replies.
// Sums of doubles depend on their order, so it is Valkey's: from the smallest operand to the largest, those of one size
// in the order of the request. (Valkey sorts with the C library's qsort, which glibc keeps stable.) A product that is
// no number (0 times infinity) counts 0 where Valkey makes it 0, and so does a sum that is none.
// Not here: the reply's form (Computation).

struct ScoredMember: Equatable {
    let member: Member
    var score: Double
}

struct SortedSetAlgebra {
    let operands: [[ScoredMember]]
    /// One an operand.
    let weights: [Double]
    let aggregate: ComputedArguments.Aggregate

    /// The answer to ZUNION of one key; nil when it is something else. Scores come flat (RESP2) or in pairs (RESP3);
    /// without them all are 1.
    static func members(of reply: ReplyValue, withScores: Bool) -> [ScoredMember]? {
        guard let elements = reply.elements else { return nil }
        var members: [ScoredMember] = []
        func append(_ member: ReplyValue, _ score: Double?) -> Bool {
            guard case .bulk(let bytes?) = member, let score else { return false }
            members.append(ScoredMember(member: Member(bytes), score: score))
            return true
        }
        guard withScores else {
            members.reserveCapacity(elements.count)
            return elements.allSatisfy { append($0, 1) } ? members : nil
        }
        if case .array? = elements.first {
            members.reserveCapacity(elements.count)
            for element in elements {
                guard let pair = element.elements, pair.count == 2, append(pair[0], pair[1].double) else { return nil }
            }
        } else {
            guard elements.count.isMultiple(of: 2) else { return nil }
            members.reserveCapacity(elements.count / 2)
            for index in stride(from: 0, to: elements.count, by: 2) {
                guard append(elements[index], elements[index + 1].double) else { return nil }
            }
        }
        return members
    }

    /// By score, then by bytes.
    static func sorted(_ members: [ScoredMember]) -> [ScoredMember] {
        members.sorted { $0.score != $1.score ? $0.score < $1.score : $0.member < $1.member }
    }

    /// What the first has and no other, with its scores.
    func difference() -> [ScoredMember] {
        var gone = Set<Member>()
        for operand in operands.dropFirst() {
            for entry in operand { gone.insert(entry.member) }
        }
        return operands[0].filter { !gone.contains($0.member) }
    }

    func union() -> [ScoredMember] {
        var places: [Member: Int] = [:]
        var all: [ScoredMember] = []
        for operand in operandsBySize {
            for entry in operands[operand] {
                let score = Self.numberOrZero(weights[operand] * entry.score)
                if let place = places[entry.member] {
                    all[place].score = aggregated(all[place].score, score)
                } else {
                    places[entry.member] = all.count
                    all.append(ScoredMember(member: entry.member, score: score))
                }
            }
        }
        return all
    }

    func intersection() -> [ScoredMember] {
        let order = operandsBySize
        var common = operands[order[0]]
        for index in common.indices {
            common[index].score = Self.numberOrZero(weights[order[0]] * common[index].score)
        }
        for operand in order.dropFirst() where !common.isEmpty {
            var scores: [Member: Double] = [:]
            scores.reserveCapacity(operands[operand].count)
            for entry in operands[operand] { scores[entry.member] = entry.score }
            common = common.compactMap { entry in
                guard let score = scores[entry.member] else { return nil }
                // No look here at whether the product is a number: a sum with one that is none becomes 0 as a whole.
                return ScoredMember(
                    member: entry.member, score: aggregated(entry.score, score * weights[operand]))
            }
        }
        return common
    }

    private var operandsBySize: [Int] {
        operands.indices.sorted { (operands[$0].count, $0) < (operands[$1].count, $1) }
    }

    private static func numberOrZero(_ value: Double) -> Double { value.isNaN ? 0 : value }

    private func aggregated(_ score: Double, _ other: Double) -> Double {
        switch aggregate {
        case .sum: Self.numberOrZero(score + other)
        case .min: other < score ? other : score
        case .max: other > score ? other : score
        }
    }
}
