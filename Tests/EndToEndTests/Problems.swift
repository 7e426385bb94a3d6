// Problems: what a table of many checks found wrong, reported as one issue that shows the first few.

import Testing

struct Problems {
    private var texts: [String] = []

    mutating func check(_ holds: Bool, _ text: @autoclosure () -> String) {
        if !holds { texts.append(text()) }
    }

    func report(sourceLocation: SourceLocation = #_sourceLocation) {
        guard !texts.isEmpty else { return }
        let shown = texts.prefix(12).joined(separator: "\n")
        Issue.record("\(texts.count) problems, the first of them:\n\(shown)", sourceLocation: sourceLocation)
    }
}
