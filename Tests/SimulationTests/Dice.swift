// Dice: every choice of a simulation, drawn from its seed. Odds are counted in 65,536ths.
// SeededRandom underneath; what is here does without the standard library's generic ranges, which cost more than all
// the rest where nothing is optimized.

import TestKit

struct Dice {
    private var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func next() -> UInt64 { random.next() }

    /// 0 ..< bound; the bound must be above 0.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: ((random.next() &>> 32) &* UInt64(truncatingIfNeeded: bound)) &>> 32)
    }

    /// `lowest ... highest`.
    mutating func between(_ lowest: Int, _ highest: Int) -> Int { lowest &+ below(highest &- lowest &+ 1) }

    /// True `odds` times in 65,536.
    mutating func happens(_ odds: Int) -> Bool {
        odds > 0 && Int(truncatingIfNeeded: random.next() & 0xFFFF) < odds
    }

    mutating func oneOf<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }

    /// Odds of any magnitude up to `odds`; none in one half of all cases.
    mutating func oddsUpTo(_ odds: Int) -> Int { below(2) == 0 ? 0 : max(1, odds >> below(8)) }
}
