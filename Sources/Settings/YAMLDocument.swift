// YAMLDocument: one config file as a tree that knows its lines. The only file that sees the YAML library.
// Values stay the text that the file holds: `on`, `1e3` and `'5'` mean what our own keys say, not what YAML guesses.
// Duplicate keys survive, marked, so that they are reported with every other error. Not here: what a key means.

import Foundation
import Yams

/// One value of the file.
struct YAMLValue {
    private let node: Yams.Node

    fileprivate init(_ node: Yams.Node) { self.node = node }

    /// Where the value begins, from 1. Behind an alias this is the place of its anchor.
    var line: Int { node.mark?.line ?? 0 }

    /// Nil when this is a list or a map.
    var text: String? { node.scalar?.string }

    /// Nil when this is not a list.
    var items: [YAMLValue]? { node.sequence.map { $0.map(YAMLValue.init) } }

    /// In file order, duplicates included. Nil when this is not a map.
    var entries: [YAMLEntry]? {
        guard let mapping = node.mapping else { return nil }
        var firstLines: [String: Int] = [:]
        return mapping.map { key, value in
            let text = key.scalar.map { YAMLDocument.withoutMark($0.string) } ?? "(list or map)"
            let line = key.mark?.line ?? 0
            let firstLine = firstLines[text]
            if firstLine == nil { firstLines[text] = line }
            return YAMLEntry(key: text, line: line, firstLine: firstLine, value: YAMLValue(value))
        }
    }

    /// What a person would call this shape.
    var shape: String { text.map { $0.isEmpty ? "empty" : "a single value" } ?? (items == nil ? "a map" : "a list") }
}

/// One `key: value` of a map.
struct YAMLEntry {
    let key: String
    let line: Int
    /// Where the same map has the same key already; nil for the first.
    let firstLine: Int?
    let value: YAMLValue
}

enum YAMLDocument {
    /// Above this a file is not a config file.
    static let sizeMaxBytes = 1 << 20

    /// - Returns: nil when the file holds nothing but comments.
    static func parse(_ text: String, file: String) throws(SettingsErrors) -> YAMLValue? {
        // Marks count lines by CR LF, CR and LF alike; with one form left, so do we.
        var text = text.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\r", with: "\n")
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        let duplicateCountMax = 64
        for _ in 0..<duplicateCountMax {
            do {
                return try Parser(yaml: text, encoding: .utf8).singleRoot().map(YAMLValue.init)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                // The library stops here and names the first place only. We mark the others and read again.
                let key = keys.first ?? ""
                guard let marked = markingDuplicates(of: key, after: context.mark, in: text) else {
                    throw SettingsErrors([duplicateWithoutPlace(key, context.mark.line, file)])
                }
                text = marked
            } catch {
                throw SettingsErrors([syntaxError(error, text, file)])
            }
        }
        throw SettingsErrors([
            SettingsError(
                file: file, line: 0, key: "", problem: "has more than \(duplicateCountMax) duplicate keys",
                remedy: "write every key once in its map")
        ])
    }

    // MARK: Duplicates

    /// Private use, so no key of ours holds it; once for the first duplicate, twice for the second, and so on.
    private static let mark: Unicode.Scalar = "\u{F8FF}"

    static func withoutMark(_ key: String) -> String {
        String(String.UnicodeScalarView(key.unicodeScalars.drop { $0 == mark }))
    }

    /// Marks `key` wherever it stands again in the same block map, which is: at the same column, before a line
    /// that is indented less.
    ///
    /// - Returns: nil when there is no such place (a flow map, `{a: 1, a: 2}`).
    private static func markingDuplicates(of key: String, after first: Mark, in text: String) -> String? {
        let indent = first.column - 1
        let spellings = [key, "\"\(key)\"", "'\(key)'"]
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
        var markCount = 0
        for index in lines.indices.dropFirst(first.line) {
            let line = lines[index]
            guard let start = line.firstIndex(where: { $0 != " " }), line[start] != "#" else { continue }
            if start < indent { break }
            guard start == indent else { continue }
            for spelling in spellings {
                let name = Array(spelling.unicodeScalars)
                guard line[start...].starts(with: name) else { continue }
                let after = line[(start + name.count)...].drop { $0 == " " || $0 == "\t" }
                guard after.first == ":", after.count == 1 || [" ", "\t"].contains(after.dropFirst().first) else {
                    continue
                }
                markCount += 1
                let isQuoted = name.count > key.unicodeScalars.count
                lines[index].insert(
                    contentsOf: repeatElement(mark, count: markCount), at: start + (isQuoted ? 1 : 0))
                break
            }
        }
        guard markCount > 0 else { return nil }
        return lines.map { String(String.UnicodeScalarView($0)) }.joined(separator: "\n")
    }

    private static func duplicateWithoutPlace(_ key: String, _ line: Int, _ file: String) -> SettingsError {
        SettingsError(
            file: file, line: line, key: key, problem: "is set more than once in one map", remedy: "keep one of them")
    }

    // MARK: Syntax

    private static func syntaxError(_ error: any Error, _ text: String, _ file: String) -> SettingsError {
        var line = 0
        var column = 0
        var problem = "\(error)"
        switch error as? YamlError {
        case .scanner(let context, let what, let mark, _)?, .parser(let context, let what, let mark, _)?,
            .composer(let context, let what, let mark, _)?:
            (line, column) = (mark.line, mark.column)
            problem = context.map { "\($0.text), \(what)" } ?? what
        case .reader(let what, let offset?, _, _)?:
            let linesBefore = text.prefix(offset).split(separator: "\n", omittingEmptySubsequences: false)
            line = max(linesBefore.count, 1)
            column = (linesBefore.last?.unicodeScalars.count ?? 0) + 1
            problem = what
        default: break
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let culprit = lines.indices.contains(line - 1) ? lines[line - 1] : ""
        let remedy =
            if culprit.contains("\t") {
                "indent with spaces; YAML allows no tabs there"
            } else if culprit.contains("]:") {
                "put an address with brackets in quotes"
            } else {
                "correct the line"
            }
        return SettingsError(
            file: file, line: line, column: column, key: "", problem: "is not valid YAML: \(problem)",
            remedy: remedy)
    }
}
