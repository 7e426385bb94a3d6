// Terminal: what a program says to people, outside its log: results on standard output, complaints on standard error.
// Written at once and whole, so that two lines never mix and nothing waits in a buffer when the process ends.
// Not here: the words, and the log (the programs).

import Glibc

package enum Terminal {
    package static func say(_ line: String) { write(Array((line + "\n").utf8), to: STDOUT_FILENO) }

    package static func complain(_ line: String) { write(Array((line + "\n").utf8), to: STDERR_FILENO) }

    /// What came of a write: how many bytes, and 0 or the errno of what kept the rest from being written; EAGAIN when
    /// it took no more.
    package typealias Written = (sizeBytes: Int, failure: Int32)

    /// - Parameter waitMs: for those who must not wait: a pipe or terminal that nobody reads costs so much
    ///   once, and not for ever, which -1 is.
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32, waitMs: Int32 = -1) -> Written {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                if waitMs >= 0 {
                    var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    let isReady = poll(&ready, 1, waitMs)
                    if isReady < 0 && errno == EINTR { continue }
                    if isReady == 0 { return (offset, EAGAIN) }
                }
                // A pipe that is ready has room for 4 KiB.
                let mostBytes = waitMs >= 0 ? min(bytes.count - offset, 4_096) : bytes.count - offset
                let count = Glibc.write(descriptor, bytes.baseAddress! + offset, mostBytes)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { return (offset, errno) }
                offset += count
            }
            return (offset, 0)
        }
    }
}
