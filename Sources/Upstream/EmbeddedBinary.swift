// EmbeddedBinary: finds the Valkey (or Redis) server program.
// What the config names is taken or refused; only without a name is there a search.
// Not here: starting it (EmbeddedSupervisor).

import Foundation

enum EmbeddedBinary {
    /// - Returns: the path of a program that may be run.
    /// - Throws: what was looked for, where, and what to do.
    static func find(
        named binary: String?, environment: [String: String],
        currentDirectory: String = FileManager.default.currentDirectoryPath
    ) throws(EmbeddedError) -> String {
        if let binary {
            let path = absolute(binary, in: currentDirectory)
            if isProgram(path) { return path }
            throw EmbeddedError(
                description: "embedded servers: \(binary) is not a program that can be run; correct binary:, or "
                    + "remove it to have valkey-server searched for")
        }
        let inPath = pathCandidates(environment: environment)
        let ofSetup = setupCandidates(environment: environment, currentDirectory: currentDirectory)
        if let found = (inPath + ofSetup).first(where: isProgram) { return found }
        throw EmbeddedError(
            description: "embedded servers: no valkey-server and no redis-server in PATH, nor "
                + ofSetup.joined(separator: ", ")
                + "; install the package valkey-server (or run `make setup` in Keyway's source), "
                + "or name the program with binary:")
    }

    private static func pathCandidates(environment: [String: String]) -> [String] {
        let path = (environment["PATH"] ?? "").split(separator: ":").filter { $0.hasPrefix("/") }
        return ["valkey-server", "redis-server"].flatMap { name in path.map { "\($0)/\(name)" } }
    }

    /// Where the source's set-up puts a server when the system has none.
    private static func setupCandidates(environment: [String: String], currentDirectory: String) -> [String] {
        var candidates: [String] = []
        if let tools = environment["KEYWAY_TOOLS"], !tools.isEmpty {
            candidates.append("\(absolute(tools, in: currentDirectory))/valkey-server")
        }
        candidates.append("\(currentDirectory)/.tools/valkey-server")
        if let home = environment["HOME"], home.hasPrefix("/") {
            candidates.append("\(home)/.cache/keyway/valkey-server")
        }
        return candidates
    }

    private static func isProgram(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
            && FileManager.default.isExecutableFile(atPath: path)
    }

    private static func absolute(_ path: String, in directory: String) -> String {
        path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }
}
