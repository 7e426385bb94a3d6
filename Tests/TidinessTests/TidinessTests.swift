import Foundation
import Testing

/// Rules of the house that no compiler keeps. Each failure lists the places.
struct TidinessTests {
    private static let generated = "Sources/Routing/Commands/CommandRows.swift"

    /// Nothing on the way of a request may use these rooms' files to pull in what allocates, locks or blocks.
    private static let dataPath = [
        "Sources/Wire/", "Sources/Hashing/", "Sources/Routing/Merge/", "Sources/Session/", "Sources/Platform/",
    ]
    private static let bannedModules: Set = ["Foundation", "FoundationEssentials", "Dispatch"]

    private let sources: [SourceFile]
    private let all: [SourceFile]

    init() throws {
        sources = try SourceTree.swiftFiles(in: "Sources") + SourceTree.swiftFiles(in: "bench/program")
        all = try sources + SourceTree.swiftFiles(in: "Tests") + [SourceTree.read("Package.swift")]
    }

    private func expectNone(_ places: [String], _ rule: Comment, at location: SourceLocation = #_sourceLocation) {
        #expect(places.isEmpty, "\(rule)\n\(places.joined(separator: "\n"))", sourceLocation: location)
    }

    @Test func theTreeIsThere() {
        #expect(sources.count > 50 && all.count > sources.count + 20)
        #expect(sources.contains { $0.path == Self.generated })
    }

    @Test func linesFitIntoTheWidth() {
        let files = all.filter { $0.path != Self.generated }
        expectNone(files.flatMap { $0.places { $0.count > 120 } }, "lines longer than 120 characters")
    }

    @Test func nothingTrailsAndNothingIsTabbed() {
        expectNone(all.flatMap { $0.places { $0.last?.isWhitespace == true } }, "white space at the end of a line")
        expectNone(all.flatMap { $0.places { $0.contains("\t") } }, "tabs")
        expectNone(all.filter { $0.lines.last != "" }.map(\.path), "no line feed at the end of the file")
    }

    @Test func noWorkIsLeftBehindAsAMarker() {
        // Put together here, so that this file does not find itself.
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "WI" + "P"]
        expectNone(
            all.flatMap { file in
                file.places { line in
                    line.split { !$0.isLetter && $0 != "_" }.contains { words.contains(String($0)) }
                }
            }, "leftover markers")
    }

    @Test func onlyTheProgramPrints() {
        let rooms = sources.filter { !$0.path.hasPrefix("Sources/keyway/") }
        expectNone(rooms.flatMap { $0.places { $0.contains(/\b(debugPrint|print|dump)\(/) } }, "prints in a room")
    }

    @Test func theDataPathIsFreeOfFoundation() {
        let files = sources.filter { file in Self.dataPath.contains { file.path.hasPrefix($0) } }
        let places = files.flatMap { $0.imports.filter { Self.bannedModules.contains($0.module) }.map(\.place) }
        expectNone(places, "banned on the data path: \(Self.bannedModules.sorted())")
    }

    @Test func everyFileSaysWhatItIs() {
        let bad = sources.filter { file in
            let base = file.name.dropLast(".swift".count)
            return file.lines.first?.hasPrefix("// ") != true
                || (file.path != Self.generated && !file.lines[0].lowercased().hasPrefix("// \(base.lowercased()):"))
        }
        expectNone(bad.map(\.path), "no header comment of the form `// Name: what it is`")
    }

    /// Functions that may be longer, with the reason.
    private static let longFunctions: [String: String] = [:]

    @Test func functionsFitOnAScreen() {
        let files = sources.filter { $0.path != Self.generated }
        let functions = files.flatMap(\.functions)
        #expect(functions.count > 500, "the search for functions is broken")
        let long = functions.filter { $0.lineCount > 80 && Self.longFunctions[$0.name] == nil }
        expectNone(long.map { "\($0.place) has \($0.lineCount) lines" }, "functions longer than 80 lines")
    }

    /// Goal: the picture of the rooms in Package.swift is the whole truth. Method: every import against `needs`.
    @Test func roomsImportWhatIsDrawn() throws {
        let manifest = try SourceTree.read("Package.swift").lines.joined(separator: "\n")
        var needs: [String: Set<String>] = ["CLinux": []]
        for match in manifest.matches(of: /\broom\(\s*"(\w+)"(?:,\s*needs: \[([^\]]*)\])?/) {
            needs[String(match.1)] = Self.quoted(match.2 ?? "")
        }
        let program = try #require(
            manifest.firstMatch(of: /name: "keyway",\s*dependencies: \[([^\]]*)\],\s*swiftSettings/))
        needs["keyway"] = Self.quoted(program.1)
        let bench = try #require(manifest.firstMatch(of: /name: "keyway-bench",\s*dependencies: \[([^\]]*)\]/))
        // The folder's name stands for the target's.
        needs["program"] = Self.quoted(bench.1)
        #expect(needs.count >= 12 && needs["Session"]?.contains("Wire") == true)
        for file in sources {
            let room = String(file.path.split(separator: "/")[1])
            let drawn = try #require(needs[room], "\(file.path) is in no room of Package.swift")
            let stray = file.imports.filter {
                needs[$0.module] != nil && $0.module != room && !drawn.contains($0.module)
            }
            expectNone(stray.map(\.place), "imports that Package.swift does not draw")
        }
    }

    private static func quoted(_ list: Substring) -> Set<String> {
        Set(list.matches(of: /"(\w+)"/).map { String($0.1) })
    }
}
