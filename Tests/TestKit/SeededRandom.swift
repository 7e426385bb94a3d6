// SeededRandom: SplitMix64, so that a failing random test can be run again.
// Every use prints its seed; KEYWAY_SEED=<number> in the environment replaces it.

import Foundation

package struct SeededRandom: RandomNumberGenerator, Sendable {
    package let seed: UInt64
    private var state: UInt64

    package init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    /// A fresh seed (or that of KEYWAY_SEED), printed with the name of the test.
    ///
    /// - Parameter fixed: in place of a fresh one.
    package static func announced(_ test: String = #function, unlessGiven fixed: UInt64? = nil) -> SeededRandom {
        let given = ProcessInfo.processInfo.environment["KEYWAY_SEED"].flatMap { UInt64($0) }
        let seed = given ?? fixed ?? UInt64.random(in: 0...UInt64.max)
        say("seed of \(test): KEYWAY_SEED=\(seed)")
        return SeededRandom(seed: seed)
    }

    /// An independent stream for part `index` of a test, a client say.
    package func stream(_ index: Int) -> SeededRandom {
        var mixer = SeededRandom(seed: seed ^ (UInt64(index) &+ 1) &* 0xD1B5_4A32_D192_ED03)
        return SeededRandom(seed: mixer.next())
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    package mutating func oneOf<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }

    /// Any bytes, at most `countMax` of them.
    package mutating func bytes(countMax: Int) -> [UInt8] {
        let count = Int.random(in: 0...countMax, using: &self)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}
