// RequestBytes: a request for tests, written out as RESP with the ranges that a parser would give.
// It owns its memory; the view it lends dies with it.

import Wire

final class RequestBytes {
    private let bytes: UnsafeMutablePointer<UInt8>
    private let ranges: UnsafeMutablePointer<ArgumentRange>
    let view: RequestView

    init(_ arguments: [[UInt8]]) {
        var text = Array("*\(arguments.count)\r\n".utf8)
        var places: [ArgumentRange] = []
        for argument in arguments {
            text += Array("$\(argument.count)\r\n".utf8)
            places.append(ArgumentRange(offset: UInt32(text.count), sizeBytes: UInt32(argument.count)))
            text += argument + Array("\r\n".utf8)
        }
        bytes = .allocate(capacity: text.count)
        bytes.initialize(from: text, count: text.count)
        ranges = .allocate(capacity: max(places.count, 1))
        ranges.initialize(from: places, count: places.count)
        view = RequestView(
            start: UnsafePointer(bytes), sizeBytes: text.count, arguments: UnsafePointer(ranges),
            argumentCount: arguments.count)
    }

    /// Words separated by blanks; `""` is an empty argument.
    convenience init(_ line: String) {
        self.init(line.split(separator: " ").map { $0 == "\"\"" ? [] : Array($0.utf8) })
    }

    deinit {
        bytes.deallocate()
        ranges.deallocate()
    }
}
