// LongestCommonSubsequence: LCS of two strings, with the matches that Valkey finds among those of equal length.
// The table of lengths is never kept whole: one row suffices for the length, and one bit a cell (up is longer than
// left) for the way back. So 16 million cells take 2 MB where a server takes 64 MB.
// Not here: the bound on the cells (ComputeBudget), the reply's form (Computation).

struct LongestCommonSubsequence {
    /// A run of bytes that both have.
    struct Match: Equatable {
        var firstStart: Int
        var secondStart: Int
        var lengthBytes: Int
    }

    let lengthBytes: Int
    /// The last one first, as the way back finds them; empty unless they were asked for.
    private(set) var matches: [Match] = []
    /// Empty unless matches were asked for.
    private(set) var text: [UInt8] = []

    /// - Complexity: first * second steps, about 1 ns each; with matches that many bits.
    init(_ first: [UInt8], _ second: [UInt8], needsMatches: Bool) {
        let width = second.count
        var row = [UInt32](repeating: 0, count: width + 1)
        var isUpLonger = [UInt8](repeating: 0, count: needsMatches ? (first.count * width + 7) / 8 : 0)
        row.withUnsafeMutableBufferPointer { row in
            second.withUnsafeBufferPointer { second in
                isUpLonger.withUnsafeMutableBufferPointer { bits in
                    for index in first.indices {
                        Self.fill(
                            row, first[index], second, bits: needsMatches ? bits : nil, firstBit: index * width)
                    }
                }
            }
        }
        lengthBytes = Int(row[width])
        if needsMatches {
            walkBack(first, second) { isUpLonger[$0 >> 3] & (1 << UInt8($0 & 7)) != 0 }
        }
    }

    /// Turns the row above into the row of `byte`.
    private static func fill(
        _ row: UnsafeMutableBufferPointer<UInt32>, _ byte: UInt8, _ second: UnsafeBufferPointer<UInt8>,
        bits: UnsafeMutableBufferPointer<UInt8>?, firstBit: Int
    ) {
        var diagonal: UInt32 = 0
        var left: UInt32 = 0
        for index in second.indices {
            let up = row[index + 1]
            if second[index] == byte {
                left = diagonal + 1
            } else if up > left {
                left = up
                if let bits {
                    let bit = firstBit + index
                    bits[bit >> 3] |= 1 << UInt8(bit & 7)
                }
            }
            diagonal = up
            row[index + 1] = left
        }
    }

    private mutating func walkBack(_ first: [UInt8], _ second: [UInt8], isUpLonger: (Int) -> Bool) {
        var i = first.count
        var j = second.count
        var match: Match?
        var backwards: [UInt8] = []
        backwards.reserveCapacity(lengthBytes)
        while i > 0, j > 0 {
            if first[i - 1] == second[j - 1] {
                i -= 1
                j -= 1
                backwards.append(first[i])
                match = Match(firstStart: i, secondStart: j, lengthBytes: (match?.lengthBytes ?? 0) + 1)
            } else {
                if let found = match { matches.append(found) }
                match = nil
                if isUpLonger((i - 1) * second.count + j - 1) { i -= 1 } else { j -= 1 }
            }
        }
        if let found = match { matches.append(found) }
        text = backwards.reversed()
    }
}
