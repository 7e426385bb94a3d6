import Foundation
import Glibc
import TestKit
import Testing

@testable import keyway

private func lines(of bytes: [UInt8]) throws -> [[UInt8]] {
    let folder = TemporaryFolder()
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file("in")))
    let descriptor = open(folder.file("in"), O_RDONLY)
    defer { close(descriptor) }
    var input = LineInput(descriptor: descriptor)
    var lines: [[UInt8]] = []
    while let line = input.next() { lines.append(Array(line)) }
    #expect(input.failure == 0 && input.next() == nil)
    return lines
}

@Test(arguments: [
    ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("\n", [""]), ("a\n\nb\n", ["a", "", "b"]),
    ("a\r\n", ["a\r"]), (" a b \n", [" a b "]),
])
func linesEndAtLineFeeds(_ text: String, _ expected: [String]) throws {
    #expect(try lines(of: Array(text.utf8)) == expected.map { Array($0.utf8) })
}

/// Goal: a line is whole wherever a read ends.
/// Method: lines of many lengths, one longer than a read, so that reads end everywhere in them.
@Test func linesMayBeLongerThanARead() throws {
    let expected = [0, 1, 300_000, 7, 700_000, 262_143, 262_144, 3].map { [UInt8](repeating: 0xfe, count: $0) }
    #expect(try lines(of: Array(expected.joined(separator: [10])) + [10]) == expected)
}

@Test func anUnreadableInputIsAFailure() {
    var input = LineInput(descriptor: -1)
    #expect(input.next() == nil && input.failure == EBADF)
}
