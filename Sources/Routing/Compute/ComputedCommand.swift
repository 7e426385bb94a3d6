// ComputedCommand: the commands whose keys may lie on several shards because Keyway can compute the reply itself.
// Not here: their arguments (ComputedArguments), the arithmetic (SetAlgebra, SortedSetAlgebra, HyperLogLog,
// LongestCommonSubsequence).

/// The raw value is the name in Valkey's errors.
package enum ComputedCommand: String, CaseIterable, Sendable {
    case pfcount, lcs
    case sdiff, sinter, sunion, sintercard
    case zdiff, zinter, zunion, zintercard

    /// Nil for every other command.
    package init?(_ id: CommandID) {
        switch id {
        case .pfcount: self = .pfcount
        case .lcs: self = .lcs
        case .sdiff: self = .sdiff
        case .sinter: self = .sinter
        case .sunion: self = .sunion
        case .sintercard: self = .sintercard
        case .zdiff: self = .zdiff
        case .zinter: self = .zinter
        case .zunion: self = .zunion
        case .zintercard: self = .zintercard
        default: return nil
        }
    }

    package var wireName: String { rawValue }

    /// What a key must hold.
    enum Operand { case string, set, sortedSet }

    var operand: Operand {
        switch self {
        case .pfcount, .lcs: .string
        case .sdiff, .sinter, .sunion, .sintercard: .set
        case .zdiff, .zinter, .zunion, .zintercard: .sortedSet
        }
    }

    /// Arguments at least, the name counted.
    var argumentCountMin: Int {
        switch self {
        case .pfcount, .sdiff, .sinter, .sunion: 2
        case .lcs, .sintercard, .zdiff, .zinter, .zunion, .zintercard: 3
        }
    }
}
