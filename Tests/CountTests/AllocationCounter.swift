// AllocationCounter: how often a running keyway took memory, read from outside while it runs.
// bench/counters/malloc_count.c is compiled at test time and loaded into the program; it counts into a file that this
// side maps too, so that looking costs the program nothing.
// Not here: how many are good (Thresholds).

import Foundation
import Glibc
import TestKit
import Testing

final class AllocationCounter: Sendable {
    /// The compiler of this machine; nil when there is none.
    static let compiler: String? = ["cc", "gcc", "clang"].lazy.compactMap { Servers.program($0) }.first

    private static let library = Result<(folder: TemporaryFolder, path: String), any Error> {
        guard let compiler else { throw ChildFailure("no C compiler in PATH: cc, gcc or clang") }
        let folder = TemporaryFolder()
        let path = folder.file("malloc_count.so")
        let source = Servers.packageRoot + "/bench/counters/malloc_count.c"
        let outcome = try ChildProcess.run(
            compiler, ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", path, source])
        guard outcome.status == .exited(0) else { throw ChildFailure("\(compiler): \(outcome.errors)") }
        return (folder, path)
    }

    private let folder = TemporaryFolder()
    private let libraryPath: String

    init() throws { libraryPath = try Self.library.get().path }

    private var countsPath: String { folder.file("counts") }

    /// What the program has to be started with.
    var environment: [String: String] { ["LD_PRELOAD": libraryPath, "MALLOC_COUNT_FILE": countsPath] }

    /// All counts since the program's start.
    func read() throws -> (allocations: Int, mappings: Int) {
        let words = [UInt8](try Data(contentsOf: URL(fileURLWithPath: countsPath))).withUnsafeBytes {
            Array($0.bindMemory(to: UInt64.self))
        }
        // The order of `struct counts` in malloc_count.c.
        guard words.count == 5, words[0] == 1 else { throw ChildFailure("nobody counts into \(countsPath)") }
        return (Int(words[1]), Int(words[4]))
    }
}
