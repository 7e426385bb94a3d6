// LogThrottle: lines that repeat, told apart by their words and not by their numbers, are written a few times a second;
// the others are counted, and the count is written: nothing is left out silently.
// Errors of the process itself are not exempt: what repeats a thousand times a second says nothing new.
// Not here: where lines go (LogSink).

struct LogThrottle {
    /// What is to be done with a line.
    enum Verdict: Equatable {
        case write
        /// The first that is left out in its second: a line that says so stands for those that follow.
        case writeNotice
        case leaveOut
    }

    private struct Entry {
        var windowS: UInt64
        var count = 0
        var leftOutCount = 0
    }

    /// Of one shape, a second.
    static let linesMax = 10
    /// More shapes than this at a time are not told apart: the oldest are forgotten.
    private static let shapesMax = 256

    private var entries: [String: Entry] = [:]

    /// - Parameter nowS: monotonic.
    mutating func judge(_ shape: String, nowS: UInt64) -> Verdict {
        if entries[shape] == nil, entries.count >= Self.shapesMax {
            entries = entries.filter { $0.value.leftOutCount > 0 || $0.value.windowS == nowS }
        }
        var entry = entries[shape] ?? Entry(windowS: nowS)
        if entry.windowS != nowS {
            entry.windowS = nowS
            entry.count = 0
        }
        entry.count += 1
        defer { entries[shape] = entry }
        if entry.count <= Self.linesMax { return .write }
        entry.leftOutCount += 1
        return entry.leftOutCount == 1 ? .writeNotice : .leaveOut
    }

    /// Shapes of which lines were left out in a second that is over, and how many; they count from 0 again.
    mutating func takeLeftOut(nowS: UInt64) -> [(shape: String, count: Int)] {
        let over = entries.filter { $0.value.leftOutCount > 0 && $0.value.windowS != nowS }
        for shape in over.keys { entries[shape] = nil }
        return over.map { ($0.key, $0.value.leftOutCount) }.sorted { $0.shape < $1.shape }
    }

    /// A message without its numbers, which differ from line to line.
    static func shape(of message: String) -> String {
        var shape = ""
        var isNumber = false
        for character in message.utf8.prefix(400) {
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
            if isDigit, isNumber { continue }
            isNumber = isDigit
            shape.unicodeScalars.append(isDigit ? "#" : Unicode.Scalar(character))
        }
        return shape
    }
}
