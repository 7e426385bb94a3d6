// TextTable: rows in aligned columns for a terminal. The first column is text and stands left, numbers stand right.
// Text of others (labels, error replies) loses its control characters here, so that none reaches the terminal.
// Not here: what stands in the cells.

struct TextTable {
    /// A line feed in a head makes it two lines high.
    let heads: [String]
    /// Columns that stand left.
    var leftColumns: Set<Int> = [0]
    /// Longer cells are cut.
    var cellWidthMax = 44
    private(set) var rows: [[String]] = []

    init(_ heads: [String], leftColumns: Set<Int> = [0]) {
        self.heads = heads
        self.leftColumns = leftColumns
    }

    mutating func append(_ cells: [String]) {
        precondition(cells.count == heads.count, "TextTable: a row of \(cells.count) under \(heads.count) heads")
        rows.append(cells)
    }

    var lines: [String] {
        let headLines = heads.map { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
        let height = headLines.map(\.count).max() ?? 0
        let top = (0..<height).map { line in
            headLines.map {
                $0.count > line - (height - $0.count) && line >= height - $0.count ? $0[line - (height - $0.count)] : ""
            }
        }
        let cells = top + rows.map { $0.map { Self.cut(Self.printable($0), cellWidthMax) } }
        let widths = heads.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            let line = heads.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return leftColumns.contains(column) ? row[column] + space : space + row[column]
            }
            return trimmed(line.joined(separator: "  "))
        }
    }

    /// Without what a terminal would act on.
    static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
    }

    static func cut(_ text: String, _ widthMax: Int) -> String {
        text.count <= widthMax ? text : text.prefix(max(0, widthMax - 1)) + "…"
    }

    /// Broken at spaces; lines after the first begin with `indent` spaces. A word longer than a line stays whole.
    static func wrapped(_ text: String, widthMax: Int = 110, indent: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if !line.isEmpty && line.count + 1 + word.count > widthMax {
                lines.append(line)
                line = String(repeating: " ", count: indent) + word
            } else {
                line += (line.isEmpty && lines.isEmpty ? "" : " ") + word
            }
        }
        return lines + [line]
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
        default: false
        }
    }

    private func trimmed(_ line: String) -> String {
        var line = Substring(line)
        while line.last == " " { line.removeLast() }
        return String(line)
    }
}
