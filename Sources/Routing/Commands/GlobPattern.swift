// GlobPattern: Valkey's patterns, `*`, `?`, `[a-z]`, `[^x]` and `\x`, for names that Keyway lists itself.
// The rule: work is bounded by pattern length times text length; a pattern is a peer's.
// Not here: KEYS and SCAN MATCH, which backends answer.

package struct GlobPattern {
    private let pattern: [UInt8]
    private let foldsCase: Bool

    /// - Parameter foldsCase: letter case of a-z does not count.
    package init(_ pattern: [UInt8], foldsCase: Bool = true) {
        self.pattern = foldsCase ? pattern.map(Self.folded) : pattern
        self.foldsCase = foldsCase
    }

    package func matches(_ text: String) -> Bool { matches(Array(text.utf8)) }

    package func matches(_ text: [UInt8]) -> Bool {
        let text = foldsCase ? text.map(Self.folded) : text
        var textIndex = 0
        var patternIndex = 0
        // Where to go on when a match fails: only the last star can need more of the text.
        var afterStar: Int?
        var starTextIndex = 0
        while textIndex < text.count {
            if patternIndex < pattern.count, pattern[patternIndex] == UInt8(ascii: "*") {
                patternIndex += 1
                afterStar = patternIndex
                starTextIndex = textIndex
            } else if let next = step(at: patternIndex, over: text[textIndex]) {
                patternIndex = next
                textIndex += 1
            } else if let restart = afterStar {
                starTextIndex += 1
                textIndex = starTextIndex
                patternIndex = restart
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// The pattern index behind the element at `index`, if it admits `byte`.
    private func step(at index: Int, over byte: UInt8) -> Int? {
        guard index < pattern.count else { return nil }
        switch pattern[index] {
        case UInt8(ascii: "?"):
            return index + 1
        case UInt8(ascii: "["):
            return stepOverClass(at: index + 1, byte)
        case UInt8(ascii: "\\") where index + 1 < pattern.count:
            return pattern[index + 1] == byte ? index + 2 : nil
        default:
            return pattern[index] == byte ? index + 1 : nil
        }
    }

    /// A class without its closing bracket ends with the pattern.
    private func stepOverClass(at start: Int, _ byte: UInt8) -> Int? {
        var index = start
        let isNegated = index < pattern.count && pattern[index] == UInt8(ascii: "^")
        if isNegated { index += 1 }
        var isMember = false
        while index < pattern.count, pattern[index] != UInt8(ascii: "]") {
            if pattern[index] == UInt8(ascii: "\\"), index + 1 < pattern.count {
                isMember = isMember || pattern[index + 1] == byte
                index += 2
            } else if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-") {
                let low = min(pattern[index], pattern[index + 2])
                let high = max(pattern[index], pattern[index + 2])
                isMember = isMember || (low...high).contains(byte)
                index += 3
            } else {
                isMember = isMember || pattern[index] == byte
                index += 1
            }
        }
        let next = min(index + 1, pattern.count)
        return isMember != isNegated ? next : nil
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte + 32 : byte
    }
}
