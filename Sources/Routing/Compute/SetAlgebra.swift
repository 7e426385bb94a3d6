// SetAlgebra: difference, intersection and union of sets that came as replies.
// The order of a result means nothing, as in a server's; it is the operands' own, so that it does not change by chance.

enum SetAlgebra {
    /// The answer to SMEMBERS; nil when it is something else.
    static func members(of reply: ReplyValue) -> [Member]? {
        guard let elements = reply.elements else { return nil }
        var members: [Member] = []
        members.reserveCapacity(elements.count)
        for element in elements {
            guard case .bulk(let bytes?) = element else { return nil }
            members.append(Member(bytes))
        }
        return members
    }

    /// What the first has and no other.
    static func difference(_ sets: [[Member]]) -> [Member] {
        var gone = Set<Member>()
        for set in sets.dropFirst() { gone.formUnion(set) }
        return sets[0].filter { !gone.contains($0) }
    }

    static func intersection(_ sets: [[Member]]) -> [Member] {
        let bySize = sets.sorted { $0.count < $1.count }
        var common = bySize[0]
        for set in bySize.dropFirst() where !common.isEmpty {
            let other = Set(set)
            common = common.filter { other.contains($0) }
        }
        return common
    }

    static func union(_ sets: [[Member]]) -> [Member] {
        var known = Set<Member>()
        var all: [Member] = []
        for set in sets {
            for member in set where known.insert(member).inserted { all.append(member) }
        }
        return all
    }
}
