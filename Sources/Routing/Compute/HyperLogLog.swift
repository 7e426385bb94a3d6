// HyperLogLog: PFCOUNT over values of several shards: their registers' maxima, and how many elements those stand for.
// A value is a string: "HYLL", the encoding, three unused bytes, the last count (8 bytes, its top bit set when stale),
// then 16,384 registers, dense (6 bits each, low bits first) or sparse (runs).
// The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017), each step in
// Valkey's order, so that the number is the same to the last element.

struct HyperLogLog {
    enum Merging: Equatable {
        case merged
        /// A string, but none that PFADD made.
        case notOne
        /// The runs of a sparse value do not cover the registers exactly.
        case corrupted
    }

    private static let registerCount = 1 << 14
    private static let headerSizeBytes = 16
    private static let denseSizeBytes = headerSizeBytes + registerCount * 6 / 8
    private static let dense: UInt8 = 0
    private static let sparse: UInt8 = 1

    private var registers = [UInt8](repeating: 0, count: registerCount)

    /// Raises every register to that of `value`.
    mutating func merge(_ value: [UInt8]) -> Merging {
        guard value.count >= Self.headerSizeBytes, value.starts(with: Array("HYLL".utf8)), value[4] <= Self.sparse
        else {
            return .notOne
        }
        if value[4] == Self.dense {
            guard value.count == Self.denseSizeBytes else { return .notOne }
            mergeDense(value)
            return .merged
        }
        return mergeSparse(value) ? .merged : .corrupted
    }

    /// The count that the server keeps in the value until the next PFADD; nil when it is stale.
    static func storedCount(of value: [UInt8]) -> Int? {
        guard value.count >= headerSizeBytes, value[15] & 0x80 == 0 else { return nil }
        return value[8..<16].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    private mutating func mergeDense(_ value: [UInt8]) {
        for group in 0..<(Self.registerCount / 4) {
            let offset = Self.headerSizeBytes + group * 3
            let bits = UInt32(value[offset]) | UInt32(value[offset + 1]) << 8 | UInt32(value[offset + 2]) << 16
            for place in 0..<4 {
                let register = UInt8(truncatingIfNeeded: bits >> UInt32(6 * place)) & 63
                registers[4 * group + place] = max(registers[4 * group + place], register)
            }
        }
    }

    /// `00nnnnnn`: n + 1 zeros; `01nnnnnn nnnnnnnn`: n + 1 zeros; `1vvvvvnn`: n + 1 registers of v + 1.
    private mutating func mergeSparse(_ value: [UInt8]) -> Bool {
        var offset = Self.headerSizeBytes
        var place = 0
        while offset < value.count {
            let code = value[offset]
            var count = Int(code & 0x3F) + 1
            var register: UInt8 = 0
            if code & 0x80 != 0 {
                count = Int(code & 3) + 1
                register = (code >> 2 & 31) + 1
            } else if code & 0x40 != 0 {
                // Cut off behind its first byte it means what a server reads there: its strings end with a zero byte.
                offset += 1
                count = Int(code & 0x3F) << 8 + Int(offset < value.count ? value[offset] : 0) + 1
            }
            offset += 1
            guard place + count <= Self.registerCount else { return false }
            for index in place..<(place + count) { registers[index] = max(registers[index], register) }
            place += count
        }
        return place == Self.registerCount
    }

    /// How many distinct elements the registers stand for.
    var count: Int {
        var histogram = [Int](repeating: 0, count: 64)
        for register in registers { histogram[Int(register)] += 1 }
        let total = Double(Self.registerCount)
        let rankMax = 64 - 14
        var sum = total * Self.tau((total - Double(histogram[rankMax + 1])) / total)
        for rank in stride(from: rankMax, through: 1, by: -1) {
            sum += Double(histogram[rank])
            sum *= 0.5
        }
        sum += total * Self.sigma(Double(histogram[0]) / total)
        let alpha = 0.721347520444481703680  // 1 / (2 ln 2)
        let estimate = (alpha * total * total / sum).rounded(.toNearestOrAwayFromZero)
        // Registers that no hash can give make it infinite; a server says this then.
        return Int(exactly: estimate) ?? .min
    }

    private static func sigma(_ share: Double) -> Double {
        if share == 1 { return .infinity }
        var power = share
        var weight = 1.0
        var sum = share
        while true {
            power *= power
            let last = sum
            sum += power * weight
            weight += weight
            if last == sum { return sum }
        }
    }

    private static func tau(_ share: Double) -> Double {
        if share == 0 || share == 1 { return 0 }
        var root = share
        var weight = 1.0
        var sum = 1 - share
        while true {
            root = root.squareRoot()
            let last = sum
            weight *= 0.5
            sum -= (1 - root) * (1 - root) * weight
            if last == sum { return sum / 3 }
        }
    }
}
