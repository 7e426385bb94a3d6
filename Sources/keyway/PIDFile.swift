// PIDFile: the file of `-p`, with the process id as text. An old one is overwritten, as twemproxy does.

import Glibc
import Platform

struct PIDFile {
    let path: String

    /// - Returns: what went wrong, in words, or nil.
    func write(processID: Int32 = getpid()) -> String? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        var failure = descriptor < 0 ? errno : 0
        if descriptor >= 0 {
            failure = Terminal.write(Array("\(processID)\n".utf8), to: descriptor).failure
            close(descriptor)
        }
        guard failure != 0 else { return nil }
        return "pid file \(path): cannot be written: \(String(cString: strerror(failure))); check -p, the path and "
            + "its rights"
    }

    func remove() { unlink(path) }
}
