// Undertaker: a shell that outlives the test process and kills what that left behind.
// It holds the read end of a pipe on which it is told every child; the pipe ends when the test process
// does, crash and SIGKILL included, and then it kills the children that were not taken off the list.
// It has to be there before the first child, which would otherwise inherit the pipe and keep it open.

import Glibc

package final class Undertaker: Sendable {
    package static let shared = Undertaker()
    private let descriptor: Int32

    private static let script = """
        trap '' INT TERM HUP
        live=
        while read -r word; do
            case $word in
            +*) live="$live ${word#+}" ;;
            -*) rest=
                for pid in $live; do [ "$pid" = "${word#-}" ] || rest="$rest $pid"; done
                live=$rest ;;
            esac
        done
        for pid in $live; do kill -9 "$pid"; done
        """

    private init() {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe for the undertaker")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        descriptor = ends[1]
        do {
            _ = try spawnProcess(
                "/bin/sh", ["-c", Self.script], environment: [:], newSession: true,
                openFiles: [(1, "/dev/null", O_WRONLY), (2, "/dev/null", O_WRONLY)],
                inherit: [(child: 0, parent: ends[0])])
        } catch {
            preconditionFailure("no undertaker: \(error)")
        }
        close(ends[0])
    }

    package func watch(_ pid: Int32) { tell("+\(pid)\n") }
    package func forget(_ pid: Int32) { tell("-\(pid)\n") }

    private func tell(_ line: String) {
        let bytes = Array(line.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }
}
