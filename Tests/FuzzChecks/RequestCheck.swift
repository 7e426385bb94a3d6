// RequestCheck: what a client sends, in any form: the parser, the scanner at every cut, and inline requests agree on
// where requests end and what is none; nothing reads behind the bytes, and memory follows the bytes that have come.

import TestKit

import Wire

package struct RequestCheck: FuzzCheck {
    /// Where requests end, and the fault that ended the reading; nil when more must come.
    private struct Verdict: Equatable {
        var ends: [Int] = []
        var fault: RequestFault?
    }

    private let guarded = GuardedBytes(capacityBytes: 8_192)

    package init() {}

    package func complaint(about input: [UInt8]) -> String? {
        var position = 0
        // As the engine reads: what is no array is a line.
        while position < input.count {
            let rest = input[position...]
            if rest.first == UInt8(ascii: "*") {
                let parsed = parsed(rest)
                if let complaint = parsed.complaint { return complaint }
                guard let end = parsed.verdict.ends.last, parsed.verdict.fault == nil else { return nil }
                position += end
            } else {
                guard let end = rest.firstIndex(of: 10) else { return nil }
                if let complaint = checkInline(rest[..<end]) { return complaint }
                position = end + 1
            }
        }
        return nil
    }

    /// As many requests in array form as stand at the front.
    private func parsed(_ array: ArraySlice<UInt8>) -> (verdict: Verdict, complaint: String?) {
        var verdict = Verdict()
        var arguments = ArgumentList()
        var position = array.startIndex
        reading: while position < array.endIndex, array[position] == UInt8(ascii: "*") {
            let rest = array[position...]
            let start = guarded.place(rest)
            _ = RequestParser.parsePrefix(start, count: rest.count, arguments: &arguments)
            switch RequestParser.parse(start, count: rest.count, limits: ParserLimits(), arguments: &arguments) {
            case .complete(let request):
                guard request.sizeBytes > 0, request.sizeBytes <= rest.count else { return (verdict, "a size") }
                position += request.sizeBytes
            case .empty(let sizeBytes): position += sizeBytes
            case .incomplete: break reading
            case .malformed(let fault):
                verdict.fault = fault
                break reading
            }
            verdict.ends.append(position - array.startIndex)
        }
        // The list doubles, and each argument has six bytes and more.
        if arguments.capacity > max(64, array.count / 3) {
            return (verdict, "memory for \(arguments.capacity) arguments")
        }
        let end = array[position...].first == UInt8(ascii: "*") ? array.endIndex : position
        return (verdict, compare(verdict, array[..<end]))
    }

    private func compare(_ verdict: Verdict, _ bytes: ArraySlice<UInt8>) -> String? {
        let whole = scanned(bytes, pieceBytes: bytes.count)
        // The scanner looks at each of CR and LF as it comes, the parser at both together.
        let isSoonerSeen = verdict.fault == nil && whole == Verdict(ends: verdict.ends, fault: .bulkEndInvalid)
        guard whole == verdict || isSoonerSeen else { return "parser \(verdict), scanner \(whole)" }
        for pieceBytes in [1, 2, 3, 7, 16] {
            let cut = scanned(bytes, pieceBytes: pieceBytes)
            if cut != whole { return "scanner \(whole), in pieces of \(pieceBytes) \(cut)" }
        }
        for size in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 50)) {
            let cut = scanned(bytes, pieceBytes: size)
            if cut != whole { return "scanner \(whole), in pieces of \(size) \(cut)" }
        }
        return nil
    }

    private func scanned(_ bytes: ArraySlice<UInt8>, pieceBytes: Int) -> Verdict {
        var verdict = Verdict()
        var scanner = RequestScanner()
        var position = bytes.startIndex
        var arrived = position
        while arrived < bytes.endIndex {
            arrived = min(bytes.endIndex, arrived + pieceBytes)
            piece: while position < arrived {
                let piece = bytes[position..<arrived]
                switch scanner.advance(guarded.place(piece), count: piece.count, limits: ParserLimits()) {
                case .complete(let usedBytes):
                    position += usedBytes
                    verdict.ends.append(position - bytes.startIndex)
                    scanner = RequestScanner()
                case .incomplete(let usedBytes):
                    position += usedBytes
                    break piece
                case .malformed(let fault):
                    verdict.fault = fault
                    return verdict
                }
            }
        }
        return verdict
    }

    /// What an inline request becomes is one whole request.
    private func checkInline(_ line: ArraySlice<UInt8>) -> String? {
        let start = guarded.place(line)
        guard let bytes = InlineParser.arrayForm(of: UnsafeRawBufferPointer(start: start, count: line.count)),
            !bytes.isEmpty
        else { return nil }
        var arguments = ArgumentList()
        let parsed = RequestParser.parse(
            guarded.place(bytes), count: bytes.count, limits: ParserLimits(), arguments: &arguments)
        guard case .complete(let request) = parsed, request.sizeBytes == bytes.count else {
            return "an inline request became \(bytes)"
        }
        return nil
    }
}
