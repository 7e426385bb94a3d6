// KernelText: the small text files in which the kernel tells about itself, /proc and /sys.
// Their size is not known before they are read, so they are read until they end.
// Not here: what they say.

import Glibc

enum KernelText {
    /// What is behind this is cut off.
    private static let sizeBytesMax = 1 << 20

    /// - Returns: nil when it cannot be read; errno says why.
    static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < sizeBytesMax {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
