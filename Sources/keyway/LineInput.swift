// LineInput: the lines of a descriptor as bytes, read in large pieces. A line ends at LF, the last also at the end.
// An empty line is a line: the empty key is a key. One line may be as long as memory allows.

import Glibc

struct LineInput {
    private static let pieceSizeBytes = 1 << 18

    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    /// Everything before it has been searched for an LF.
    private var searched = 0
    private var hasEnded = false
    /// The errno that ended the input early; 0 when it came to its end.
    private(set) var failure: Int32 = 0

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// - Returns: the next line without its LF; nil at the end.
    mutating func next() -> ArraySlice<UInt8>? {
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { (start, searched) = (end + 1, end + 1) }
                return buffer[start..<end]
            }
            searched = buffer.count
            if hasEnded {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return buffer[start...]
            }
            fill()
        }
    }

    private mutating func fill() {
        buffer.removeSubrange(..<start)
        (searched, start) = (searched - start, 0)
        let used = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.pieceSizeBytes))
        var count: Int
        repeat {
            count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + used, Self.pieceSizeBytes) }
        } while count < 0 && errno == EINTR
        if count < 0 { failure = errno }
        hasEnded = count <= 0
        buffer.removeSubrange((used + max(count, 0))...)
    }
}
