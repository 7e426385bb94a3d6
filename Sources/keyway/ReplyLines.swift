// ReplyLines: a reply of maps and lists as lines for people.
//
//     command: mget
//     keys:
//       user:1: hash 12, point 34, shard cache-a        a map in a list: its first value, then names and values
//
// Not here: the reply (Routing/ReplyValue).

import Routing

enum ReplyLines {
    static func lines(of reply: ReplyValue) -> [String] {
        guard let pairs = reply.pairs else { return [text(reply)] }
        return pairs.flatMap { pair in
            guard let elements = pair.value.elements else { return ["\(text(pair.key)): \(text(pair.value))"] }
            if elements.isEmpty { return ["\(text(pair.key)): none"] }
            return ["\(text(pair.key)):"] + elements.map { "  " + line(of: $0) }
        }
    }

    private static func line(of element: ReplyValue) -> String {
        guard let pairs = element.pairs, let first = pairs.first else { return text(element) }
        let rest = pairs.dropFirst().filter { !text($0.value).isEmpty }
        return text(first.value) + ": " + rest.map { "\(text($0.key)) \(text($0.value))" }.joined(separator: ", ")
    }

    /// Whatever bytes it has, it stays within its line.
    private static func text(_ value: ReplyValue) -> String {
        if let number = value.integer { return String(number) }
        if value.isNull { return "none" }
        if let elements = value.elements { return elements.map(text).joined(separator: " ") }
        return LogLine.onOneLine(value.text ?? "")
    }
}
