// FuzzLoop: inputs of a mutator until a time is over: a second or two, and a minute with KEYWAY_LONG_TESTS=1 from a
// fresh seed on. KEYWAY_SEED=n repeats a run. An input that a reader does not come back from ends the test process with
// the seed and the input's number; one that it traps on can be found by the same two.
// Not here: what is checked (the ...FuzzTests).

import Foundation
import Glibc
import TestKit

struct FuzzLoop {
    private static let environment = ProcessInfo.processInfo.environment
    private let name: String
    private let seconds: Double
    private let random: SeededRandom
    /// Far above what any input of these sizes takes on a busy machine.
    private static let hangSeconds: UInt32 = 60

    /// - Parameter seed: of the short form.
    init(_ name: String, seed: UInt64, seconds: Double) {
        let isLong = Self.environment["KEYWAY_LONG_TESTS"] == "1"
        let given = Self.environment["KEYWAY_SEED"].flatMap { UInt64($0) }
        self.name = name
        self.seconds = isLong ? 30 : seconds
        random = SeededRandom(seed: given ?? (isLong ? UInt64.random(in: 0...UInt64.max) : seed))
    }

    /// - Parameter check: returns what is wrong with an input's treatment; nil when nothing is.
    /// - Returns: the first failure, with the seed and the input.
    func run(
        _ corpus: Corpus, words: [String], sizeBytesMax: Int, check: ([UInt8]) -> String?
    ) -> String? {
        var mutator = Mutator(corpus: corpus, words: words, sizeBytesMax: sizeBytesMax, random: random)
        let watch = HangWatch(seconds: Self.hangSeconds)
        let start = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - start < .seconds(seconds) {
            let input = count < corpus.inputs.count ? corpus.inputs[count] : mutator.next()
            watch.begin("\(name): input \(count) of KEYWAY_SEED=\(random.seed) is not dealt with\n")
            let complaint = check(input)
            watch.end()
            if let complaint {
                let text = String(decoding: input, as: UTF8.self).debugDescription
                return "\(name): input \(count) of KEYWAY_SEED=\(random.seed): \(complaint): \(text)"
            }
            count += 1
        }
        say("\(name): \(count) inputs, KEYWAY_SEED=\(random.seed)")
        return nil
    }
}
