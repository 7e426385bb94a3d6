// Detached: `-d`. The program starts itself again as a process of its own session and waits until that one serves.
// A fork alone would not do: only the thread that calls it goes on in the child, and libraries may have others.
// So an error at start is still shown, and makes the exit status, of the command that was typed.
// Not here: what the second process does (Service).

import Glibc
import Platform

enum Detached {
    /// Tells the second process that it is one, and where to say that it serves.
    static let variable = "KEYWAY_DETACHED"

    /// In the process that was typed: starts the second one with the same arguments and waits for its word.
    ///
    /// - Returns: this process's exit status.
    static func start() -> Int32 {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return failed("pipe", errno) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        setenv(variable, String(ends[1]), 1)
        var child: pid_t = 0
        let result = posix_spawn(&child, "/proc/self/exe", nil, nil, CommandLine.unsafeArgv, environ)
        close(ends[1])
        guard result == 0 else { return failed("start", result) }

        var word: UInt8 = 0
        var count: Int
        repeat { count = read(ends[0], &word, 1) } while count < 0 && errno == EINTR
        if count == 1 { return 0 }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// In the second process: leaves the terminal's session.
    ///
    /// - Returns: where `isServing` speaks; nil when this process was not started by `start`.
    static func leaveSession() -> Int32? {
        guard let text = getenv(variable), let descriptor = Int32(String(cString: text)),
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { return nil }
        unsetenv(variable)
        setsid()
        return descriptor
    }

    /// Lets the waiting process end, and lets go of its terminal.
    static func isServing(_ descriptor: Int32) {
        let null = open("/dev/null", O_RDWR)
        if null >= 0 {
            for standard in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] { dup2(null, standard) }
            if null > STDERR_FILENO { close(null) }
        }
        Terminal.write([1], to: descriptor)
        close(descriptor)
    }

    private static func failed(_ what: String, _ number: Int32) -> Int32 {
        Terminal.complain("keyway: -d: \(what): \(String(cString: strerror(number)))")
        return ExitStatus.failedStart
    }
}
