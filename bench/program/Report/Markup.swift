// Markup: pieces of HTML and SVG. The page is well-formed XML as well, so that a test can parse it whole.
// Every text that somebody else wrote passes `escaped`; nothing else here is allowed to put text into a page.
// Not here: the page (HTMLReport), its looks (PageStyle).

import Foundation

enum Markup {
    /// For text and for attributes in double quotes. What XML cannot carry becomes a question mark.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n", "\r": escaped += " "
            case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{fffe}", "\u{ffff}": escaped += "?"
            // Would turn the direction of what stands behind it.
            case "\u{202a}"..."\u{202e}", "\u{2066}"..."\u{2069}": escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A table; the first cell of a row is its head. Cells are plain text.
    static func table(_ heads: [String], _ rows: [[String]], textColumns: Set<Int> = [0], caption: String) -> String {
        func cell(_ text: String, _ column: Int, _ tag: String, _ scope: String) -> String {
            let kind = textColumns.contains(column) ? " class=\"text\"" : ""
            return "<\(tag)\(kind)\(scope)>\(escaped(text))</\(tag)>"
        }
        let head = heads.enumerated().map { cell($1, $0, "th", " scope=\"col\"") }.joined()
        let body = rows.map { row in
            let cells = row.enumerated().map { column, text in
                column == 0 ? cell(text, 0, "th", " scope=\"row\"") : cell(text, column, "td", "")
            }
            return "<tr>" + cells.joined() + "</tr>\n"
        }
        return
            "<div class=\"scroll\" tabindex=\"0\"><table><caption>\(escaped(caption))</caption><thead><tr>\(head)</tr>"
            + "</thead>\n<tbody>\(body.joined())</tbody></table></div>\n"
    }

    /// Folded away until it is asked for; open on paper.
    static func details(_ summary: String, _ content: String) -> String {
        "<details><summary>\(escaped(summary))</summary>\n\(content)</details>\n"
    }

    /// A coordinate: one place is finer than a screen.
    static func number(_ value: Double) -> String {
        precondition(value.isFinite, "Markup: a coordinate that is no number")
        let text = String(format: "%.1f", value)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
