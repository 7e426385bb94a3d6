// SettingsSection: one map of the file read against the rows of one scope.
// Every key is checked whether or not it is asked for; a wrong value is noted once and answered with the default, so
// that reading goes on and all errors come out together. Not here: what the values are for (SettingsReader).

/// The map of one pool, of the process, or of embedded servers.
struct SettingsSection {
    let scope: SettingsRow.Scope
    /// What stands before `.key` in errors.
    let path: String
    /// Where the map's own name stands.
    let line: Int
    let file: String
    private(set) var errors: [SettingsError] = []
    private(set) var warnings: [SettingsError] = []
    private var entries: [String: YAMLEntry] = [:]

    init(_ entries: [YAMLEntry], scope: SettingsRow.Scope, path: String, line: Int, file: String) {
        self.scope = scope
        self.path = path
        self.line = line
        self.file = file
        for entry in entries { admit(entry) }
        for row in SettingsTable.rows where row.scope == scope && row.isRequired {
            if !entries.contains(where: { $0.key == row.key }) {
                note(row.key, line, "is missing", "add \(row.key): with \(row.range)")
            }
        }
    }

    private mutating func admit(_ entry: YAMLEntry) {
        guard let row = SettingsTable.row(scope, entry.key) else { return noteUnknown(entry) }
        if let firstLine = entry.firstLine {
            return note(entry.key, entry.line, "is a duplicate of line \(firstLine)", "keep one of them")
        }
        guard entry.value.text != "" else {
            return note(entry.key, entry.line, "has no value", remedy(row))
        }
        entries[entry.key] = entry
    }

    private mutating func noteUnknown(_ entry: YAMLEntry) {
        if entry.key == "<<" {
            return note(
                entry.key, entry.line, "is a YAML merge key, which Keyway does not read", "write the keys out")
        }
        let homes: [(SettingsRow.Scope, String)] = [
            (.process, "under the top-level key \(SettingsTable.processKey):"), (.pool, "under a pool"),
            (.embedded, "under servers: as a map with embedded:"),
        ]
        let home = homes.first { $0.0 != scope && SettingsTable.row($0.0, entry.key) != nil }
        let near = nearestWord(to: entry.key, in: SettingsTable.keys(scope))
        let remedy =
            home.map { "write it \($0.1)" } ?? near.map { "did you mean \($0)?" }
            ?? "remove the line; conf/reference.yml has all keys"
        note(entry.key, entry.line, home == nil ? "is not a known key" : "does not belong here", remedy)
    }

    // MARK: Values

    func has(_ key: String) -> Bool { entries[key] != nil }

    func entry(_ key: String) -> YAMLEntry? { entries[key] }

    /// Of the key, or of the whole map when the file does not have the key.
    func line(of key: String) -> Int { entries[key]?.line ?? line }

    /// A number in its row's unit, or a size in bytes.
    mutating func number(_ key: String) -> Int {
        let row = row(key)
        let fallback = row.defaultText.flatMap { Self.value(of: $0, as: row.kind) }
        guard let text = single(key) else { return fallback ?? 0 }
        guard let value = Self.value(of: text, as: row.kind) else {
            let isNegative = text.hasPrefix("-") && text.count > 1 && text.dropFirst().allSatisfy(\.isNumber)
            let problem =
                if isNegative, let minimum = Self.bounds(row.kind)?.lowerBound {
                    "\(text) is below the minimum \(Self.text(minimum, row.kind))"
                } else if case .size = row.kind {
                    "\"\(text)\" is not a size such as 1048576, 512kb, 64mb or 1gb"
                } else {
                    "\"\(text)\" is not a whole number"
                }
            note(key, problem, remedy(row))
            return fallback ?? 0
        }
        guard let range = Self.bounds(row.kind) else { preconditionFailure("\(key) is no number") }
        if value < range.lowerBound {
            note(key, "\(text) is below the minimum \(Self.text(range.lowerBound, row.kind))", remedy(row))
        } else if value > range.upperBound {
            note(key, "\(text) is above the maximum \(Self.text(range.upperBound, row.kind))", remedy(row))
        } else {
            return value
        }
        return fallback ?? range.lowerBound
    }

    mutating func boolean(_ key: String) -> Bool {
        let row = row(key)
        let fallback = row.defaultText == "true"
        switch single(key) {
        case nil: return fallback
        case "true": return true
        case "false": return false
        case let text?:
            let remedy =
                switch text.lowercased() {
                case "true", "yes", "y", "on", "1": "write true"
                case "false", "no", "n", "off", "0": "write false"
                default: remedy(row)
                }
            note(key, "\"\(text)\" is not true or false", remedy)
            return fallback
        }
    }

    /// One of the row's words.
    mutating func word(_ key: String) -> String {
        let row = row(key)
        guard case .words(let words) = row.kind, let fallback = row.defaultText else {
            preconditionFailure("\(key) has no words")
        }
        guard let text = single(key), !words.contains(text) else { return single(key) ?? fallback }
        let near = nearestWord(to: text, in: words)
        note(
            key, "\"\(text)\" is not one of \(words.joined(separator: ", "))",
            near.map { "did you mean \($0)?" } ?? "use one of them, or remove the line for \(fallback)")
        return fallback
    }

    /// A value of any shape that fits one line; nil when the file does not have the key.
    mutating func text(_ key: String) -> String? { single(key) }

    /// - Returns: nil when the key is absent, or is a list or map, which is noted once.
    private mutating func single(_ key: String) -> String? {
        guard let value = entries[key]?.value else { return nil }
        if let text = value.text { return text }
        note(key, "is \(value.shape), not a single value", remedy(row(key)))
        entries[key] = nil
        return nil
    }

    private static func value(of text: String, as kind: SettingsRow.Kind) -> Int? {
        switch kind {
        case .number, .wordsOrNumber:
            guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
            return Int(text) ?? .max  // Too long for 64 bits is still a number, above every maximum.
        case .size:
            guard case .bytes(let size) = ByteSize.parse(text) else { return nil }
            return size
        case .boolean, .words, .text: return nil
        }
    }

    private static func bounds(_ kind: SettingsRow.Kind) -> ClosedRange<Int>? {
        switch kind {
        case .number(_, let range, _), .wordsOrNumber(_, _, let range), .size(let range): range
        case .boolean, .words, .text: nil
        }
    }

    private static func text(_ value: Int, _ kind: SettingsRow.Kind) -> String {
        if case .size = kind { ByteSize.text(value) } else { "\(value)" }
    }

    // MARK: Findings

    mutating func note(_ key: String, _ problem: String, _ remedy: String) {
        note(key, line(of: key), problem, remedy)
    }

    mutating func note(_ key: String, _ line: Int, _ problem: String, _ remedy: String) {
        errors.append(finding(key, line, problem, remedy))
    }

    mutating func warn(_ key: String, _ problem: String, _ remedy: String) {
        warnings.append(finding(key, line(of: key), problem, remedy))
    }

    private func finding(_ key: String, _ line: Int, _ problem: String, _ remedy: String) -> SettingsError {
        SettingsError(file: file, line: line, key: "\(path).\(key)", problem: problem, remedy: remedy)
    }

    private func row(_ key: String) -> SettingsRow {
        guard let row = SettingsTable.row(scope, key) else { preconditionFailure("\(key) has no row") }
        return row
    }

    /// What to write instead, from the row.
    func remedy(_ row: SettingsRow) -> String {
        var text = "use \(row.range)"
        switch row.kind {
        case .number(let unit, let range, let zero) where unit != "none":
            text = "use \(range.lowerBound)...\(range.upperBound) \(unit)" + (zero.map { " (0 = \($0))" } ?? "")
        case .wordsOrNumber(_, let unit, _): text += " \(unit)"
        case .boolean: text = "write true or false"
        default: break
        }
        if let defaultText = row.defaultText {
            text += ", or remove the line for \(defaultText)"
        } else if !row.isRequired {
            text += ", or remove the line"
        }
        return text
    }
}
