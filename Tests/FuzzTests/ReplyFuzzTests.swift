// What a server sends, in any form: wherever it is cut, replies end at the same places and what is none is none.

import TestKit
import Testing

@testable import Wire

struct ReplyFuzzTests {
    private struct Verdict: Equatable {
        var ends: [Int] = []
        var isMalformed = false
    }

    private static let words = [
        "\r\n", "+", "-", ":1\r\n", "$0\r\n", "$-1\r\n", "*-1\r\n", "*2\r\n", "%1\r\n", "~1\r\n", ">1\r\n", "|1\r\n",
        "_\r\n", "$9999999999\r\n", "*9999999999\r\n", "$01\r\n", "=4\r\ntxt:\r\n", "\r", "\n", "\0",
    ]

    @Test func mutatedRepliesEndAtTheSamePlacesAtEveryCut() throws {
        let guarded = GuardedBytes(capacityBytes: 8_192)
        let failure = FuzzLoop("replies", seed: 2, seconds: 1.5)
            .run(try Corpus("replies"), words: Self.words, sizeBytesMax: 600) { check($0, guarded) }
        #expect(failure == nil, Comment(rawValue: failure ?? ""))
    }

    private func check(_ input: [UInt8], _ guarded: GuardedBytes) -> String? {
        let whole = scanned(input, firstBytes: input.count, pieceBytes: input.count, guarded)
        for pieceBytes in [1, 2, 5] {
            let cut = scanned(input, firstBytes: 0, pieceBytes: pieceBytes, guarded)
            if cut != whole { return "\(whole), in pieces of \(pieceBytes) \(cut)" }
        }
        for firstBytes in stride(from: 1, to: input.count, by: max(1, input.count / 100)) {
            let cut = scanned(input, firstBytes: firstBytes, pieceBytes: input.count, guarded)
            if cut != whole { return "\(whole), cut at \(firstBytes) \(cut)" }
        }
        return nil
    }

    private func scanned(_ bytes: [UInt8], firstBytes: Int, pieceBytes: Int, _ guarded: GuardedBytes) -> Verdict {
        var verdict = Verdict()
        var scanner = ReplyScanner()
        var position = 0
        var arrived = 0
        while arrived < bytes.count {
            arrived = min(bytes.count, arrived == 0 && firstBytes > 0 ? firstBytes : arrived + max(1, pieceBytes))
            piece: while position < arrived {
                let piece = bytes[position..<arrived]
                switch scanner.advance(guarded.place(piece), count: piece.count) {
                case .complete(let usedBytes):
                    position += usedBytes
                    verdict.ends.append(position)
                    guard usedBytes > 0 || !scanner.isAtStart else { break }
                case .incomplete(let usedBytes):
                    position += usedBytes
                    break piece
                case .malformed:
                    verdict.isMalformed = true
                    return verdict
                }
            }
        }
        return verdict
    }
}
