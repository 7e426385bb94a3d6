// PreloadedLibrary: a C file of the tree, compiled at test time and loaded into a program before its own libraries.
// Not here: what it does there (bench/counters, Tests/faults).

import Foundation

package final class PreloadedLibrary: Sendable {
    /// The compiler of this machine; nil when there is none.
    package static let compiler: String? = ["cc", "gcc", "clang"].lazy.compactMap { Servers.program($0) }.first

    private let folder = TemporaryFolder()

    /// - Parameter source: path below the package.
    package init(_ source: String) throws {
        guard let compiler = Self.compiler else { throw ChildFailure("no C compiler in PATH: cc, gcc or clang") }
        let outcome = try ChildProcess.run(
            compiler,
            [
                "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", folder.file("library.so"),
                Servers.packageRoot + "/" + source,
            ])
        guard outcome.status == .exited(0) else { throw ChildFailure("\(compiler): \(outcome.errors)") }
    }

    /// What the program has to be started with. What this process itself was loaded with stays.
    package var environment: [String: String] {
        let others = ProcessInfo.processInfo.environment["LD_PRELOAD"].map { [$0] } ?? []
        return ["LD_PRELOAD": (others + [folder.file("library.so")]).joined(separator: " ")]
    }
}
