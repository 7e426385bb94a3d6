// TaggedFields: a record as fields with numbers, so that two versions of Keyway can hand records to each other: a field
// that the reader does not know is passed over, one that the writer did not have is missing.
//
//     | 1 byte: number | 4 bytes: size | the field | ...
//
// Not here: what the numbers mean (ClientRecord, HandoverMessage).

struct TaggedFields {
    private(set) var bytes: [UInt8] = []
    private var places: [UInt8: Range<Int>] = [:]

    init() {}

    /// - Returns: nil when these bytes are no fields.
    init?(_ bytes: [UInt8]) {
        self.bytes = bytes
        var offset = 0
        while offset < bytes.count {
            guard offset + 5 <= bytes.count else { return nil }
            let size = (0..<4).reduce(0) { $0 | Int(bytes[offset + 1 + $1]) << (8 * $1) }
            guard offset + 5 + size <= bytes.count else { return nil }
            places[bytes[offset]] = (offset + 5)..<(offset + 5 + size)
            offset += 5 + size
        }
    }

    mutating func add(_ number: UInt8, _ field: [UInt8]) {
        bytes.append(number)
        for index in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: field.count >> (8 * index))) }
        bytes += field
    }

    mutating func add(_ number: UInt8, _ text: String) { add(number, Array(text.utf8)) }

    mutating func add(_ number: UInt8, _ integer: Int) {
        add(number, (0..<8).map { UInt8(truncatingIfNeeded: integer >> (8 * $0)) })
    }

    subscript(_ number: UInt8) -> [UInt8]? { places[number].map { Array(bytes[$0]) } }

    func text(_ number: UInt8) -> String? { self[number].map { String(decoding: $0, as: UTF8.self) } }

    func integer(_ number: UInt8) -> Int? {
        guard let field = self[number], field.count == 8 else { return nil }
        return Int(truncatingIfNeeded: (0..<8).reduce(UInt64(0)) { $0 | UInt64(field[$1]) << (8 * UInt64($1)) })
    }
}
