// SourceTree: the package's own files, read from where this file was compiled.

import Foundation

/// One text file of the package.
struct SourceFile {
    /// From the package's folder on, `Sources/Wire/LengthScan.swift` say.
    let path: String
    let lines: [Substring]

    var name: String { String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...]) }

    /// `path:line` of every line that `isBad` finds.
    func places(_ isBad: (Substring) -> Bool) -> [String] {
        lines.indices.filter { isBad(lines[$0]) }.map { "\(path):\($0 + 1): \(lines[$0].prefix(100))" }
    }

    /// Modules that the file imports, with their lines.
    var imports: [(module: String, place: String)] {
        lines.indices.compactMap { index in
            let words = lines[index].split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
                words[..<keyword].allSatisfy({ $0 == "package" || $0 == "public" || $0.hasPrefix("@") })
            else { return nil }
            let module = words[words.count - 1].prefix { $0 != "." }
            return (String(module), "\(path):\(index + 1): \(lines[index])")
        }
    }

    /// Declarations with a body, and how many lines each takes from its first to its closing brace.
    var functions: [(name: String, place: String, lineCount: Int)] {
        lines.indices.compactMap { start in
            guard
                let name = lines[start].firstMatch(
                    of: /^ *(?:[@a-z()]+ )*?(?:func|init|deinit|subscript)\b[ ]?([^ (<]*)/)
            else { return nil }
            let indent = lines[start].prefix { $0 == " " }
            var line = start
            while !lines[line].hasSuffix("{") {
                line += 1
                guard line < lines.count else { return nil }
                let isContinued = lines[line].hasPrefix(indent + " ") || lines[line].hasPrefix(indent + ")")
                if !isContinued { return nil }
            }
            guard let end = lines[line...].firstIndex(of: indent + "}") else { return nil }
            let called = name.1.isEmpty ? "init" : String(name.1)
            return (called, "\(path):\(start + 1): \(called)", end - start + 1)
        }
    }
}

enum SourceTree {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func read(_ path: String) throws -> SourceFile {
        let text = try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
        return SourceFile(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }

    /// All Swift files below `folder`, in the order of their paths.
    static func swiftFiles(in folder: String) throws -> [SourceFile] {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root.appendingPathComponent(folder).path)
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { try read("\(folder)/\($0)") }
    }
}
