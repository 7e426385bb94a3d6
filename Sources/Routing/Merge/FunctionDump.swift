// FunctionDump: the payload of FUNCTION DUMP cut into its records, so that two can be compared whatever their order.
// A payload is any number of records, each the byte 245 and a string in the form of a snapshot file, then two bytes of
// version and eight of checksum. The checksum depends on the order and is left out.
// Not here: what a library's text means.

enum FunctionDump {
    private static let functionMark: UInt8 = 245
    private static let versionSizeBytes = 2
    private static let checksumSizeBytes = 8

    /// Each record with its mark, and the version as the last; nil when it is no such payload.
    static func records(_ payload: [UInt8]) -> [[UInt8]]? {
        let end = payload.count - versionSizeBytes - checksumSizeBytes
        guard end >= 0 else { return nil }
        var records: [[UInt8]] = []
        var offset = 0
        while offset < end {
            guard payload[offset] == functionMark,
                let sizeBytes = stringSizeBytes(payload[(offset + 1)..<end]), sizeBytes < end - offset
            else { return nil }
            records.append(Array(payload[offset..<(offset + 1 + sizeBytes)]))
            offset += 1 + sizeBytes
        }
        return records + [Array(payload[end..<(end + versionSizeBytes)])]
    }

    /// Bytes that a string takes, its length counted.
    private static func stringSizeBytes(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = bytes.first else { return nil }
        guard first >> 6 == 3 else {
            guard let length = length(bytes) else { return nil }
            return sum(length.headerSizeBytes, length.value)
        }
        switch first & 0x3F {
        case 0: return 2
        case 1: return 3
        case 2: return 5
        case 3:  // Compressed: two lengths, that of what follows and that of the text.
            guard let packed = length(bytes.dropFirst()),
                let plain = length(bytes.dropFirst(1 + packed.headerSizeBytes))
            else { return nil }
            return sum(1 + packed.headerSizeBytes + plain.headerSizeBytes, packed.value)
        default: return nil
        }
    }

    private static func sum(_ headerSizeBytes: Int, _ sizeBytes: Int) -> Int? {
        let (sum, overflows) = headerSizeBytes.addingReportingOverflow(sizeBytes)
        return overflows ? nil : sum
    }

    /// 6 bits, 14 bits, or four or eight bytes, the high ones first.
    private static func length(_ bytes: ArraySlice<UInt8>) -> (value: Int, headerSizeBytes: Int)? {
        guard let first = bytes.first else { return nil }
        let more: Int
        var value = 0
        switch (first >> 6, first) {
        case (0, _): return (Int(first), 1)
        case (1, _):
            more = 1
            value = Int(first & 0x3F)
        case (2, 0x80): more = 4
        case (2, 0x81): more = 8
        default: return nil
        }
        guard bytes.count > more, more < 8 || bytes[bytes.startIndex + 1] < 128 else { return nil }
        for byte in bytes.dropFirst().prefix(more) { value = value << 8 | Int(byte) }
        return (value, 1 + more)
    }
}
