// Servers: the real servers of this machine, each version once.
// Looked for: valkey-server and redis-server in PATH, and .tools/valkey-9/valkey-server below the package,
// where the set-up puts it. The suite wants Valkey 8 and Valkey 9; KEYWAY_TEST_REQUIRE_SERVERS=1 makes a
// missing one a failure (InstalledServersTests), else its tests are skipped and that is said aloud.

import Foundation

package struct Server: Hashable, Sendable, CustomStringConvertible {
    package enum Product: String, Sendable { case valkey = "Valkey", redis = "Redis" }
    package let path: String
    package let product: Product
    package let version: String

    package var major: Int { Int(version.prefix { $0 != "." }) ?? 0 }
    package var description: String { "\(product.rawValue) \(version)" }
}

package enum Servers {
    package static let found: [Server] = find()
    /// What the suite wants and does not find, as texts for people.
    package static let missing: [String] = [8, 9].filter { major in
        !found.contains { $0.product == .valkey && $0.major == major }
    }.map { "Valkey \($0)" }

    package static var areRequired: Bool {
        ProcessInfo.processInfo.environment["KEYWAY_TEST_REQUIRE_SERVERS"] == "1"
    }

    /// The newest, for tests to which the version means nothing: at most one, to be a list of arguments.
    package static var newest: [Server] { Array(found.suffix(1)) }

    /// The folder that holds Package.swift.
    package static let packageRoot: String = {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let manifest = folder.appendingPathComponent("Package.swift").path
            if FileManager.default.fileExists(atPath: manifest) { return folder.path }
        }
        return FileManager.default.currentDirectoryPath
    }()

    /// The full path of a program in PATH.
    package static func program(_ name: String) -> String? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { $0 + "/" + name }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func find() -> [Server] {
        let paths =
            [program("valkey-server"), program("redis-server"), packageRoot + "/.tools/valkey-9/valkey-server"]
            .compactMap { $0 }.filter { FileManager.default.isExecutableFile(atPath: $0) }
        var byName: [String: Server] = [:]
        for server in paths.compactMap(identify) where byName[server.description] == nil {
            byName[server.description] = server
        }
        return byName.values.sorted { ($0.product.rawValue, $0.major) < ($1.product.rawValue, $1.major) }
    }

    /// Reads `Valkey server v=8.0.1 sha=...`.
    private static func identify(_ path: String) -> Server? {
        guard let output = try? ChildProcess.run(path, ["--version"]).output else { return nil }
        let words = output.split(separator: " ")
        guard let product = words.first.flatMap({ Server.Product(rawValue: String($0)) }),
            let version = words.first(where: { $0.hasPrefix("v=") })?.dropFirst(2)
        else { return nil }
        return Server(path: path, product: product, version: String(version))
    }
}
