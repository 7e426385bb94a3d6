import Testing

@testable import Routing

struct GlobPatternTests {
    @Test(arguments: [
        ("*", "", true), ("", "", true), ("", "a", false), ("a*c", "abc", true), ("a*c", "ac", true),
        ("a*c", "ab", false), ("A?C", "abc", true), ("a?c", "ac", false), ("[a-c]x", "bx", true),
        ("[c-a]x", "bx", true), ("[^a]x", "bx", true), ("[^a]x", "ax", false), ("[]x", "x", false),
        ("[ab", "b", true), ("[", "a", false), ("\\*", "*", true), ("\\*", "a", false), ("a\\", "a\\", true),
        ("*a*b", "xaxb", true), ("*ab", "aab", true), ("[\\]]", "]", true), ("**a", "bba", true),
    ])
    func matchesAsValkeyDoes(pattern: String, text: String, isMatch: Bool) {
        #expect(GlobPattern(Array(pattern.utf8)).matches(text) == isMatch)
    }

    /// Goal: a hostile pattern costs no more than pattern times text. Method: exponential matchers never end here.
    @Test func manyStarsEnd() {
        let pattern = GlobPattern(Array((String(repeating: "a*", count: 200) + "b").utf8))
        #expect(!pattern.matches(String(repeating: "a", count: 2000)))
    }
}
