// Terminal: what the program says to people: results on standard output, complaints on standard error.
// Written at once and whole, so that two lines never mix and nothing waits in a buffer when the process ends.
// Not here: the words (Report, ProgressLine).

import Glibc

enum Terminal {
    static func say(_ text: String) { write(Array((text + "\n").utf8), to: STDOUT_FILENO) }

    static func complain(_ text: String) { write(Array((text + "\n").utf8), to: STDERR_FILENO) }

    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                if count < 0 && errno == EINTR { continue }
                // Nobody reads it any more, and there is nobody to tell.
                if count < 0 { return }
                offset += count
            }
        }
    }
}
