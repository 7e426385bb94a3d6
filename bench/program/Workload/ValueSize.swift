// ValueSize: how long values are, as the user writes it. Sizes may carry a unit: k, m of 1000, kb, mb of 1024.
//
//   64                       every value
//   16-4kb                   evenly anything from 16 to 4096 bytes
//   64:9,1kb:1               by weight: nine values in ten have 64 bytes
//   zipf:MIN-MAX[:SKEW]      MIN most often, MIN + n - 1 in proportion to 1 / n^SKEW; 0.99 when left out
//
// Not here: what stands in a value (OperationSource).

enum ValueSize: Sendable, Equatable {
    case fixed(Int)
    case range(ClosedRange<Int>)
    case weighted([Choice])
    case zipf(ClosedRange<Int>, skew: Double)

    struct Choice: Sendable, Equatable {
        let sizeBytes: Int
        /// In proportion to the sum of all; above 0.
        let weight: Double
    }

    /// The longest string that Valkey takes by default (proto-max-bulk-len).
    static let sizeBytesMax = 512 << 20

    static func parse(_ text: String) throws(WorkloadError) -> ValueSize {
        let lowered = text.lowercased()
        if lowered.hasPrefix("zipf:") { return try parseZipf(lowered.dropFirst(5), text) }
        if lowered.contains(":") { return try parseWeighted(lowered, text) }
        if lowered.contains("-") { return .range(try parseRange(Substring(lowered), text)) }
        return .fixed(try parseSize(Substring(lowered), text))
    }

    private static func parseZipf(_ rest: Substring, _ text: String) throws(WorkloadError) -> ValueSize {
        let words = rest.split(separator: ":", omittingEmptySubsequences: false)
        let range = try parseRange(words[0], text)
        if words.count == 1 { return .zipf(range, skew: KeyDistribution.skewDefault) }
        guard words.count == 2, let skew = WrittenNumber.amount(words[1]), ZipfSampler.skewRange.contains(skew) else {
            throw WorkloadError(
                "value size \"\(text)\": the skew is no number above 0 up to 5; use zipf:MIN-MAX:SKEW, for example "
                    + "zipf:16-4kb:0.99")
        }
        return .zipf(range, skew: skew)
    }

    private static func parseWeighted(_ lowered: String, _ text: String) throws(WorkloadError) -> ValueSize {
        var choices: [Choice] = []
        for part in lowered.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: ":", omittingEmptySubsequences: false)
            guard words.count == 2, let weight = WrittenNumber.amount(words[1]), weight > 0 else {
                throw WorkloadError(
                    "value size \"\(text)\": \"\(part)\" is not SIZE:WEIGHT with a weight above 0, for example "
                        + "64:9,1kb:1")
            }
            choices.append(Choice(sizeBytes: try parseSize(words[0], text), weight: weight))
        }
        return .weighted(choices)
    }

    private static func parseRange(_ word: Substring, _ text: String) throws(WorkloadError) -> ClosedRange<Int> {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else {
            throw WorkloadError("value size \"\(text)\": \"\(word)\" is no range; use MIN-MAX, for example 16-4kb")
        }
        let (low, high) = (try parseSize(ends[0], text), try parseSize(ends[1], text))
        guard low <= high else {
            throw WorkloadError("value size \"\(text)\": the range begins at \(low) and ends before it, at \(high)")
        }
        return low...high
    }

    private static func parseSize(_ word: Substring, _ text: String) throws(WorkloadError) -> Int {
        guard let size = WrittenNumber.size(word) else {
            throw WorkloadError(
                "value size \"\(text)\": \"\(word)\" is no size; use bytes, or a number with k, m (1000) or kb, mb "
                    + "(1024)")
        }
        guard size <= sizeBytesMax else {
            throw WorkloadError(
                "value size \"\(text)\": \(size) bytes are above the limit of \(sizeBytesMax) (512 MiB), the longest "
                    + "string that Valkey takes")
        }
        return size
    }

    var smallestBytes: Int {
        switch self {
        case .fixed(let size): size
        case .range(let range), .zipf(let range, _): range.lowerBound
        case .weighted(let choices): choices.map(\.sizeBytes).min() ?? 0
        }
    }

    /// As the summary says it.
    var summary: String {
        switch self {
        case .fixed(let size): return "values of \(WrittenNumber.grouped(size)) bytes"
        case .range(let range): return "values of \(Self.summary(of: range))"
        case .zipf(let range, let skew):
            return "values of \(Self.summary(of: range)) (zipf \(WrittenNumber.short(skew, places: 6)))"
        case .weighted(let choices):
            let sum = choices.reduce(0) { $0 + $1.weight }
            let parts = choices.map {
                "\(WrittenNumber.grouped($0.sizeBytes)) (\(WrittenNumber.short($0.weight / sum * 100, places: 1)) %)"
            }
            return "values of \(parts.joined(separator: ", ")) bytes"
        }
    }

    private static func summary(of range: ClosedRange<Int>) -> String {
        "\(WrittenNumber.grouped(range.lowerBound)) to \(WrittenNumber.grouped(range.upperBound)) bytes"
    }
}
