// KernelFaults: which system calls of a running keyway fail, how often and how, changed from outside while it runs.
// Tests/faults/kernel_faults.c is loaded into the program and reads it from a file that this side writes.
// Not here: what Keyway makes of it (KernelFaultTests).

import Foundation
import Glibc
import TestKit

/// In the order of `enum call` in kernel_faults.c.
enum KernelCall: Int, CaseIterable {
    case send, receive, accept, socket, connect, watch, wait
}

final class KernelFaults: Sendable {
    private static let library = Result<PreloadedLibrary, any Error> {
        try PreloadedLibrary("Tests/faults/kernel_faults.c")
    }
    /// Of one call: its odds, its error and how often it failed.
    private static let wordsPerCall = 3

    private let folder = TemporaryFolder()
    private let libraryEnvironment: [String: String]
    private let descriptor: Int32

    init(seed: UInt64) throws {
        libraryEnvironment = try Self.library.get().environment
        let words = [seed] + [UInt64](repeating: 0, count: KernelCall.allCases.count * Self.wordsPerCall)
        let path = folder.file("faults")
        try words.withUnsafeBytes { try Data($0).write(to: URL(fileURLWithPath: path)) }
        descriptor = open(path, O_RDWR | O_CLOEXEC)
    }

    deinit { close(descriptor) }

    /// What the program has to be started with.
    var environment: [String: String] {
        libraryEnvironment.merging(["KERNEL_FAULTS_FILE": folder.file("faults")]) { $1 }
    }

    /// - Parameter oneIn: 1 for always.
    func fail(_ call: KernelCall, oneIn: Int, with error: Int32) {
        write(UInt64(error), call, 1)
        write(UInt64(65_536 / oneIn), call, 0)
    }

    func stop() { for call in KernelCall.allCases { write(0, call, 0) } }

    func failures(of call: KernelCall) -> Int {
        var word: UInt64 = 0
        pread(descriptor, &word, 8, place(call, 2))
        return Int(word)
    }

    private func write(_ word: UInt64, _ call: KernelCall, _ index: Int) {
        var word = word
        pwrite(descriptor, &word, 8, place(call, index))
    }

    private func place(_ call: KernelCall, _ index: Int) -> Int { (1 + call.rawValue * Self.wordsPerCall + index) * 8 }
}
