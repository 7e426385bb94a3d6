// Terminal: what a program says to people, outside its log: results on standard output, complaints on standard error.
// Written at once and whole, so that two lines never mix and nothing waits in a buffer when the process ends.
// Not here: the words, and the log (the programs).

import Glibc

package enum Terminal {
    package static func say(_ line: String) { write(Array((line + "\n").utf8), to: STDOUT_FILENO) }

    package static func complain(_ line: String) { write(Array((line + "\n").utf8), to: STDERR_FILENO) }

    /// - Returns: 0, or the errno of what kept the rest from being written.
    @discardableResult
    package static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                if count < 0 && errno == EINTR { continue }
                if count < 0 { return errno }
                offset += count
            }
            return 0
        }
    }
}
