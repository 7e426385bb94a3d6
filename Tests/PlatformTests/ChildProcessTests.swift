import Foundation
import Glibc
import Testing

@testable import Platform

/// A pipe whose writing end goes to a child as its log: what it prints can be read until the last writer is gone.
private final class Output {
    let reading: Int32
    private(set) var writing: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0)
        for end in ends { precondition(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        closeWriting()
        Glibc.close(reading)
    }

    func closeWriting() {
        if writing >= 0 { Glibc.close(writing) }
        writing = -1
    }

    /// Everything until the end, or nil when somebody still held the writing end after `timeoutMs`.
    func text(timeoutMs: Int = 10_000) -> String? {
        closeWriting()
        let deadlineNs = Clock.nowNs() + UInt64(timeoutMs) * 1_000_000
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while Socket.wait(reading, until: .readable, deadlineNs: deadlineNs) {
            let count = read(reading, &part, part.count)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            if count > 0 { bytes += part.prefix(count) }
        }
        return nil
    }
}

/// Runs a shell script to its end.
private func run(_ script: String, environment: [String: String] = [:]) throws -> (exit: ChildExit, output: String) {
    let output = Output()
    let child = try ChildProcess.start(
        path: "/bin/sh", arguments: ["-c", script], environment: environment, logDescriptor: output.writing)
    let text = try #require(output.text())
    return (waitForEnd(child), text)
}

private func waitForEnd(_ child: ChildProcess) -> ChildExit {
    while true {
        if let exit = child.reap() { return exit }
        Clock.nap(microseconds: 500)
    }
}

@Suite struct ChildProcessTests {
    @Test func outputAndErrorsGoToTheLogAndTheExitCodeComesBack() throws {
        let (exit, output) = try run("echo out; echo err >&2; exit 7")
        #expect(output == "out\nerr\n")
        #expect(exit == .exited(code: 7))
    }

    @Test func aSignalIsReportedAsOne() throws {
        #expect(try run("kill -9 $$").exit == .killed(signal: SIGKILL))
    }

    @Test func theEnvironmentIsOnlyWhatWasGiven() throws {
        let output = try run("/usr/bin/env", environment: ["KEYWAY_A": "1 = 2"]).output
        #expect(output.contains("KEYWAY_A=1 = 2\n"))
        #expect(!output.contains("PATH=/"))
    }

    @Test func theChildHasNoDescriptorButTheFirstThree() throws {
        let held = open("/dev/null", O_RDONLY)
        defer { close(held) }
        #expect(held > 2)
        let names = try run("cd /proc/self/fd && echo *").output.split(whereSeparator: \.isWhitespace)
        // The shell opens one more itself, to list the directory.
        #expect(names.prefix(3) == ["0", "1", "2"] && names.count <= 4, "\(names)")
    }

    @Test func stdinIsEmpty() throws {
        #expect(try run("cat; echo end").output == "end\n")
    }

    @Test func theChildLeadsAProcessGroupOfItsOwn() throws {
        let (_, output) = try run("read -r pid name state parent group rest < /proc/self/stat; echo $$ $group")
        let numbers = output.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        #expect(numbers.count == 2 && numbers.first == numbers.last)
        #expect(numbers.last != getpgrp())
    }

    /// Goal: what this process ignores or blocks, the child does not inherit.
    @Test func signalsAreAsInAFreshProcess() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_IGN)
            signal(SIGTERM, SIG_IGN)
            var mask = sigset_t()
            sigfillset(&mask)
            pthread_sigmask(SIG_SETMASK, &mask, nil)
            let lines = try run("grep -E '^Sig(Blk|Ign)' /proc/self/status").output.split(separator: "\n")
            #expect(lines.count == 2)
            for line in lines {
                let mask = try #require(UInt64(line.suffix(16), radix: 16))
                // Numbers 32 and 33 belong to glibc, which lets nobody change them.
                #expect(mask & ~(0b11 << 31) == 0, "\(line)")
            }
            var after = sigset_t()
            pthread_sigmask(SIG_SETMASK, nil, &after)
            #expect(sigismember(&after, SIGTERM) == 1)
        }
    }

    @Test func aProgramThatIsNotThereIsAnErrorAtOnce() {
        let error = #expect(throws: SystemError.self) {
            try ChildProcess.start(path: "/nonexistent/server", arguments: [], environment: [:])
        }
        #expect(error?.number == ENOENT)
        #expect(error?.description.contains("/nonexistent/server") == true)
    }

    @Test func aFileThatIsNoProgramIsAnErrorAtOnce() {
        let error = #expect(throws: SystemError.self) {
            try ChildProcess.start(path: "/etc/passwd", arguments: [], environment: [:])
        }
        #expect(error?.number == EACCES)
    }

    @Test func aRunningChildIsNotReapedAndEndsWhenAsked() throws {
        let child = try ChildProcess.start(path: "/bin/sleep", arguments: ["1000"], environment: [:])
        #expect(child.reap() == nil)
        #expect(child.terminate(graceMs: 60_000) == .killed(signal: SIGTERM))
        #expect(child.terminate(graceMs: 0) == .killed(signal: SIGTERM))
    }

    @Test func aChildThatWillNotEndIsKilledWithItsWholeGroup() throws {
        let output = Output()
        let child = try ChildProcess.start(
            path: "/bin/sh", arguments: ["-c", "trap '' TERM; echo ready; sleep 1000; sleep 1000"], environment: [:],
            logDescriptor: output.writing)
        #expect(Socket.wait(output.reading, until: .readable, deadlineNs: Clock.nowNs() + 10_000_000_000))
        #expect(child.terminate(graceMs: 50) == .killed(signal: SIGKILL))
        #expect(output.text() == "ready\n", "a grandchild still holds the log")
    }

    /// Goal: a killed Keyway leaves no server behind.
    /// Method: a process that starts `sleep` through a fifo and is killed; the fifo ends once nobody holds it.
    @Test func childrenDieWithAParentThatIsKilled() async throws {
        let fifo = "\(NSTemporaryDirectory())/keyway-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).fifo"
        try #require(mkfifo(fifo, 0o600) == 0)
        defer { unlink(fifo) }
        let reading = open(fifo, O_RDONLY | O_NONBLOCK)
        defer { close(reading) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [fifo = fifo as String] in
            let writing = open(fifo, O_WRONLY)
            _ = try ChildProcess.start(
                path: "/bin/sh", arguments: ["-c", "echo up; exec sleep 1000"], environment: ["PATH": "/bin:/usr/bin"],
                logDescriptor: writing)
            kill(getpid(), SIGKILL)
        }
        let deadlineNs = Clock.nowNs() + 10_000_000_000
        var part = [UInt8](repeating: 0, count: 64)
        var ended = false
        while !ended, Socket.wait(reading, until: .readable, deadlineNs: deadlineNs) {
            ended = read(reading, &part, part.count) == 0
        }
        #expect(ended, "the child outlived its parent")
    }
}
