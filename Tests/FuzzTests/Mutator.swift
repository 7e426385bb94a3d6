// Mutator: a new input from those of a corpus: bytes and runs of them changed, dropped, repeated, taken from another
// input, and words put in that the reader knows.
// Not here: what an input is judged by (RequestFuzzTests, ReplyFuzzTests, SettingsFuzzTests).

import TestKit

struct Mutator {
    let corpus: [[UInt8]]
    let words: [[UInt8]]
    let sizeBytesMax: Int
    var random: SeededRandom

    init(corpus: Corpus, words: [String], sizeBytesMax: Int, random: SeededRandom) {
        self.corpus = corpus.inputs
        self.words = words.map { Array($0.utf8) }
        self.sizeBytesMax = sizeBytesMax
        self.random = random
    }

    mutating func next() -> [UInt8] {
        var input = random.oneOf(corpus)
        for _ in 0...random.below(6) { mutate(&input) }
        if input.count > sizeBytesMax { input.removeLast(input.count - sizeBytesMax) }
        return input
    }

    private mutating func mutate(_ input: inout [UInt8]) {
        let place = random.below(input.count + 1)
        switch random.below(8) {
        case 0: input.insert(UInt8(random.below(256)), at: place)
        case 1, 2: input.insert(contentsOf: random.oneOf(words), at: place)
        case 3: input.insert(contentsOf: input[run(of: input)], at: place)
        case 4: input.insert(contentsOf: random.oneOf(corpus), at: place)
        case 5: input.removeSubrange(run(of: input))
        case 6 where place < input.count: input[place] = UInt8(random.below(256))
        case 7 where place < input.count: input[place] ^= 1 << UInt8(random.below(8))
        default: input.removeLast(input.count - place)
        }
    }

    private mutating func run(of input: [UInt8]) -> Range<Int> {
        let start = random.below(input.count + 1)
        return start..<min(input.count, start + 1 + random.below(32))
    }
}
