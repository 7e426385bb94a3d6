// Settings: a config file as typed values; the door of this room.
// A nutcracker.yml of twemproxy works as it stands; `keyway:` and new pool keys are optional. Settings knows no room:
// the program turns it into the options of each.

import Foundation

/// All settings of one Keyway.
package struct Settings: Sendable, Equatable {
    package var process: ProcessSettings
    /// In file order; never empty; names and listen addresses are unique.
    package var pools: [PoolSettings]
    /// What the file says that has no effect, or another than in twemproxy; in file order.
    package var warnings: [SettingsError] = []
    /// Every key of the file that has not its default, but for servers, as `pool.key`, and its value as the file has
    /// it.
    package var texts: [String: String] = [:]

    /// What Keyway does without a file: one pool, `main`, on 127.0.0.1:22121, over four embedded servers.
    package static let standard: Settings = {
        func section(_ scope: SettingsRow.Scope, _ path: String) -> SettingsSection {
            SettingsSection([], scope: scope, path: path, line: 0, file: "")
        }
        var processSection = section(.process, SettingsTable.processKey)
        var embeddedSection = section(.embedded, "main.servers")
        var poolSection = section(.pool, "main")
        var embedded = SettingsReader.embedded(&embeddedSection)
        embedded.count = 4
        let pool = SettingsReader.pool(
            &poolSection, listen: .tcp(host: "127.0.0.1", port: 22121), servers: .embedded(embedded))
        return Settings(process: SettingsReader.process(&processSection), pools: [pool])
    }()

    /// Reads a file of at most 1 MiB.
    ///
    /// - Throws: every error of the file at once, in file order.
    package static func read(file: String) throws(SettingsErrors) -> Settings {
        let bytes: [UInt8]
        switch contents(of: file) {
        case .success(let read): bytes = read
        case .failure(let flaw):
            throw SettingsErrors([
                SettingsError(file: file, line: 0, key: "", problem: flaw.problem, remedy: flaw.remedy)
            ])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingsErrors([
                SettingsError(
                    file: file, line: lineOfInvalidText(bytes), key: "", problem: "is not UTF-8 text",
                    remedy: "save the file as UTF-8")
            ])
        }
        return try parse(text: text, fileName: file)
    }

    /// - Parameter fileName: what errors call the text.
    /// - Throws: every error of the text at once, in file order.
    package static func parse(text: String, fileName: String) throws(SettingsErrors) -> Settings {
        let root = try YAMLDocument.parse(text, file: fileName)
        var reader = SettingsReader(file: fileName)
        return try reader.read(root)
    }

    private static func contents(of file: String) -> Result<[UInt8], Flaw> {
        func failure() -> Result<[UInt8], Flaw> {
            .failure(Flaw("cannot be read: \(String(cString: strerror(errno)))", "check the path and its rights"))
        }
        guard let stream = fopen(file, "rb") else { return failure() }
        defer { fclose(stream) }
        let sizeMax = YAMLDocument.sizeMaxBytes
        var bytes = [UInt8](repeating: 0, count: sizeMax + 1)
        let count = fread(&bytes, 1, bytes.count, stream)
        guard ferror(stream) == 0 else { return failure() }
        guard count <= sizeMax else {
            return .failure(Flaw("has more than \(sizeMax) bytes", "check that it is the config file"))
        }
        return .success(Array(bytes[..<count]))
    }

    private static func lineOfInvalidText(_ bytes: [UInt8]) -> Int {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var line = 1
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            if scalar == "\n" { line += 1 }
        }
        return line
    }
}
