import Dispatch
import Foundation
import Glibc
import Logging
import TestKit
import Testing

@testable import keyway

private func contents(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

@Test func linesAreAppended() throws {
    let folder = TemporaryFolder()
    let path = try folder.write("old\n", to: "log")
    try LogSink(path: path, level: .info).write("new\n")
    #expect(try contents(path) == "old\nnew\n")
}

@Test func aMovedFileIsLeftAtReopening() throws {
    let folder = TemporaryFolder()
    let sink = try LogSink(path: folder.file("log"), level: .info)
    sink.write("1\n")
    try FileManager.default.moveItem(atPath: folder.file("log"), toPath: folder.file("log.1"))
    sink.write("2\n")
    #expect(try sink.reopen())
    sink.write("3\n")
    #expect(try contents(folder.file("log.1")) == "1\n2\n")
    #expect(try contents(folder.file("log")) == "3\n")
}

@Test func aFailedReopeningKeepsTheOldFile() throws {
    let folder = TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("d"), withIntermediateDirectories: false)
    let sink = try LogSink(path: folder.file("d/log"), level: .info)
    try FileManager.default.moveItem(atPath: folder.file("d"), toPath: folder.file("e"))
    #expect(throws: LogFileError.self) { try sink.reopen() }
    sink.write("kept\n")
    #expect(try contents(folder.file("e/log")) == "kept\n")
}

@Test func standardErrorIsNotReopened() throws {
    #expect(try !LogSink(path: nil, level: .info).reopen())
}

@Test func anUnusableFileIsSaid() {
    do {
        _ = try LogSink(path: "/nowhere/log", level: .info)
        Issue.record("opened")
    } catch {
        #expect(error.description.hasPrefix("log file /nowhere/log: cannot be opened: No such file or directory; "))
    }
}

/// Goal: lines that a full disk swallowed are counted in the log itself.
/// Method: /dev/full refuses every write; a link then leads to a file.
@Test func lostLinesAreCounted() throws {
    let folder = TemporaryFolder()
    let (link, file) = (folder.file("link"), folder.file("file"))
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/full")
    let sink = try LogSink(path: link, level: .info)
    for number in 0..<3 { sink.write("lost \(number)\n") }
    try FileManager.default.removeItem(atPath: link)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
    _ = try sink.reopen()
    sink.write("kept\n")
    sink.write("kept too\n")
    let lines = try contents(file).split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasSuffix(" error 3 log lines could not be written (No space left on device)"))
    #expect(lines.dropFirst() == ["kept", "kept too"])
}

@Test func linesOfManyThreadsDoNotMix() throws {
    let folder = TemporaryFolder()
    let sink = try LogSink(path: folder.file("log"), level: .info)
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
        for _ in 0..<200 { sink.write(String(repeating: "\(thread)", count: 99) + "\n") }
    }
    let lines = try contents(folder.file("log")).split(separator: "\n")
    #expect(lines.count == 1_600 && lines.allSatisfy { $0.count == 99 && Set($0).count == 1 })
}

/// Goal: a reader of the log that has stopped holds up nobody, and hears later what it has missed. Method: a full pipe.
@Test func aPipeThatNobodyReadsHoldsUpNobody() throws {
    let folder = TemporaryFolder()
    let path = folder.file("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    let sink = try LogSink(path: path, level: .info)
    let line = String(repeating: "x", count: 999) + "\n"
    for _ in 0..<200 { sink.write(line) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    var text = ""
    func readAll() {
        while true {
            let count = read(reader, &bytes, bytes.count)
            guard count > 0 else { return }
            text += String(decoding: bytes[..<count], as: UTF8.self)
        }
    }
    readAll()
    let whole = text.split(separator: "\n").count { $0.count == 999 }
    #expect((50..<200).contains(whole))
    text = ""
    sink.write("after\n")
    readAll()
    #expect(
        text.contains("\(200 - whole) log lines could not be written (Resource temporarily unavailable)"), "\(text)")
    #expect(text.hasSuffix("after\n"))
}

/// Goal: a line of which only a part found room does not run into the next one. Method: a pipe that holds less.
@Test func aLineThatWasCutOffStandsAlone() throws {
    let folder = TemporaryFolder()
    let path = folder.file("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    let reader = open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    // F_SETPIPE_SZ, which Glibc's module lacks.
    #expect(fcntl(reader, 1_031, 8_192) == 8_192)
    let sink = try LogSink(path: path, level: .info)
    sink.write(String(repeating: "x", count: 10_000) + "\n")
    var bytes = [UInt8](repeating: 0, count: 16_384)
    #expect(read(reader, &bytes, bytes.count) == 8_192)
    sink.write("after\n")
    let count = read(reader, &bytes, bytes.count)
    let lines = String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(
        separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 4 && lines[0].isEmpty && lines[2] == "after", "\(lines)")
    #expect(lines[1].hasSuffix(" error 1 log lines could not be written (Resource temporarily unavailable)"))
}
