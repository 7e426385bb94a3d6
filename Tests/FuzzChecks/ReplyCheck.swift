// ReplyCheck: what a server sends, in any form: wherever it is cut, replies end at the same places, and what is none is
// none.

import TestKit

import Wire

package struct ReplyCheck: FuzzCheck {
    private struct Verdict: Equatable {
        var ends: [Int] = []
        var isMalformed = false
    }

    private let guarded = GuardedBytes(capacityBytes: 8_192)

    package init() {}

    package func complaint(about input: [UInt8]) -> String? {
        let whole = scanned(input, firstBytes: input.count, pieceBytes: input.count)
        for pieceBytes in [1, 2, 5] {
            let cut = scanned(input, firstBytes: 0, pieceBytes: pieceBytes)
            if cut != whole { return "\(whole), in pieces of \(pieceBytes) \(cut)" }
        }
        for firstBytes in stride(from: 1, to: input.count, by: max(1, input.count / 100)) {
            let cut = scanned(input, firstBytes: firstBytes, pieceBytes: input.count)
            if cut != whole { return "\(whole), cut at \(firstBytes) \(cut)" }
        }
        return nil
    }

    private func scanned(_ bytes: [UInt8], firstBytes: Int, pieceBytes: Int) -> Verdict {
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
