import TestKit
import Testing

@testable import Routing

struct LongestCommonSubsequenceTests {
    /// The textbook's table, whole.
    private func length(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var table = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0..<a.count {
            for j in 0..<b.count {
                table[i + 1][j + 1] = a[i] == b[j] ? table[i][j] + 1 : max(table[i][j + 1], table[i + 1][j])
            }
        }
        return table[a.count][b.count]
    }

    private func isSubsequence(_ part: [UInt8], of whole: [UInt8]) -> Bool {
        var rest = part[...]
        for byte in whole where rest.first == byte { rest = rest.dropFirst() }
        return rest.isEmpty
    }

    @Test func randomTextsAgreeWithTheTextbook() {
        var random = SeededRandom.announced()
        for round in 0..<500 {
            let letters = 1 + random.below(5)
            let texts = (0..<2).map { _ in (0..<random.below(40)).map { _ in UInt8(97 + random.below(letters)) } }
            let found = LongestCommonSubsequence(texts[0], texts[1], needsMatches: true)
            #expect(found.lengthBytes == length(texts[0], texts[1]), "round \(round)")
            #expect(found.text.count == found.lengthBytes)
            #expect(isSubsequence(found.text, of: texts[0]) && isSubsequence(found.text, of: texts[1]))
            #expect(found.matches.reduce(0) { $0 + $1.lengthBytes } == found.lengthBytes)
            for match in found.matches {
                let first = texts[0][match.firstStart..<(match.firstStart + match.lengthBytes)]
                let second = texts[1][match.secondStart..<(match.secondStart + match.lengthBytes)]
                #expect(Array(first) == Array(second))
            }
            let short = LongestCommonSubsequence(texts[0], texts[1], needsMatches: false)
            #expect(short.lengthBytes == found.lengthBytes && short.text.isEmpty && short.matches.isEmpty)
        }
    }

    @Test func emptyTextsHaveNothingInCommon() {
        #expect(LongestCommonSubsequence([], [], needsMatches: true).lengthBytes == 0)
        #expect(LongestCommonSubsequence([1], [], needsMatches: true).matches.isEmpty)
        #expect(LongestCommonSubsequence([], [1], needsMatches: false).lengthBytes == 0)
    }
}
