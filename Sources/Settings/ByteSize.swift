// ByteSize: sizes as Valkey's config writes them: 1048576, 1024kb, 1mb, 1gb.
// As in Valkey, kb, mb and gb are powers of 1024; k, m and g are powers of 1000; case does not matter.

/// What a size in a config file can be.
package enum ByteSize: Sendable, Equatable {
    case bytes(Int)
    case malformed

    /// - Parameter text: what the file holds; a size too large for 64 bits is `.malformed`.
    package static func parse(_ text: String) -> ByteSize {
        let digits = text.utf8.prefix { (48...57).contains($0) }
        guard let number = Int(String(Substring(digits))) else { return .malformed }
        let factor: Int
        switch text.utf8.dropFirst(digits.count).map({ $0 | 0x20 }) {
        case []: factor = 1
        case Array("b".utf8): factor = 1
        case Array("k".utf8): factor = 1000
        case Array("kb".utf8): factor = 1 << 10
        case Array("m".utf8): factor = 1_000_000
        case Array("mb".utf8): factor = 1 << 20
        case Array("g".utf8): factor = 1_000_000_000
        case Array("gb".utf8): factor = 1 << 30
        default: return .malformed
        }
        let (size, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? .malformed : .bytes(size)
    }

    /// The shortest exact form with a unit of 1024: `512mb`, `1gb`, `1000`.
    package static func text(_ sizeBytes: Int) -> String {
        for (unit, factor) in [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)]
        where sizeBytes >= factor && sizeBytes % factor == 0 {
            return "\(sizeBytes / factor)\(unit)"
        }
        return "\(sizeBytes)"
    }
}
