// AllocationCounter: how often a running keyway took memory, read from outside while it runs.
// bench/counters/malloc_count.c is compiled at test time and loaded into the program; it counts into a file that this
// side maps too, so that looking costs the program nothing.
// Not here: how many are good (Thresholds).

import Foundation
import Glibc
import TestKit
import Testing

final class AllocationCounter: Sendable {
    private static let library = Result<PreloadedLibrary, any Error> {
        try PreloadedLibrary("bench/counters/malloc_count.c")
    }

    private let folder = TemporaryFolder()
    private let libraryEnvironment: [String: String]

    init() throws { libraryEnvironment = try Self.library.get().environment }

    private var countsPath: String { folder.file("counts") }

    /// What the program has to be started with.
    var environment: [String: String] { libraryEnvironment.merging(["MALLOC_COUNT_FILE": countsPath]) { $1 } }

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
