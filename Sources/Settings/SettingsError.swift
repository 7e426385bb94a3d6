// SettingsError: one thing that is wrong with a config file, or worth knowing about it.
// Always one line: where, which key, what is wrong with the number and its limit, what to do.
// Warnings have the same shape; they stop nothing. Not here: what is right (SettingsTable).

/// One finding about one place of a config file.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    package var file: String
    /// From 1; 0 when the finding is about the file as a whole.
    package var line: Int
    /// From 1, counted in Unicode scalars; 0 when the line says enough. Set for YAML syntax only.
    package var column: Int
    /// `pool.key`, `keyway.key`, `pool`, or empty.
    package var key: String
    package var problem: String
    package var remedy: String

    package init(file: String, line: Int, column: Int = 0, key: String, problem: String, remedy: String) {
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.problem = problem
        self.remedy = remedy
    }

    /// `FILE:LINE:COLUMN: KEY: problem; remedy`, without the parts that are unknown.
    package var description: String {
        var place = Self.printable(file)
        if line > 0 { place += ":\(line)" }
        if column > 0 { place += ":\(column)" }
        let subject = key.isEmpty ? "" : Self.printable(key) + ": "
        return "\(place): \(subject)\(Self.printable(problem)); \(Self.printable(remedy))"
    }

    /// Whatever a file holds, a finding stays one line and cannot drive the terminal that shows it.
    private static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator, .format: result += scalar.escaped(asASCII: true)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Everything that is wrong with one config file, in file order; never empty.
package struct SettingsErrors: Error, Sendable, Equatable, CustomStringConvertible {
    package let list: [SettingsError]

    package init(_ list: [SettingsError]) {
        precondition(!list.isEmpty)
        self.list = list
    }

    /// One line for each error.
    package var description: String { list.map(\.description).joined(separator: "\n") }
}
