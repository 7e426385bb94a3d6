// Decimal: numbers as ASCII digits, written and read in place, without allocation.
// Not here: numbers that people type (WrittenNumber).

enum Decimal {
    /// Digits of `number`, its minus counted.
    @inline(__always)
    static func width(_ number: Int) -> Int {
        var rest = number.magnitude
        var digits = number < 0 ? 2 : 1
        while rest >= 10 {
            rest /= 10
            digits &+= 1
        }
        return digits
    }

    /// Writes `number` right-aligned into `width` bytes, zeros in front. A width too small cuts the front off.
    @inline(__always)
    static func write(_ number: Int, at place: UnsafeMutablePointer<UInt8>, width: Int) {
        var rest = number.magnitude
        var index = width
        while index >= 2 {
            index &-= 2
            let (tens, two) = rest.quotientAndRemainder(dividingBy: 100)
            let (high, low) = UInt8(truncatingIfNeeded: two).quotientAndRemainder(dividingBy: 10)
            place[index] = 48 &+ high
            place[index &+ 1] = 48 &+ low
            rest = tens
        }
        if index == 1 { place[0] = 48 &+ UInt8(truncatingIfNeeded: rest % 10) }
        if number < 0 { place[0] = UInt8(ascii: "-") }
    }

    /// - Returns: the number that `width` digits make; nil when one of them is no digit. `width` is at most 18.
    @inline(__always)
    static func read(_ place: UnsafePointer<UInt8>, width: Int) -> Int? {
        var value = 0
        for index in 0..<width {
            let digit = place[index] &- 48
            if digit > 9 { return nil }
            value = value &* 10 &+ Int(digit)
        }
        return value
    }

    /// Eight hexadecimal digits, small letters.
    static func writeHex(_ number: UInt32, at place: UnsafeMutablePointer<UInt8>) {
        for index in 0..<8 {
            let digit = UInt8(truncatingIfNeeded: number >> UInt32(28 - 4 * index)) & 15
            place[index] = digit < 10 ? 48 + digit : 87 + digit
        }
    }

    static func readHex(_ place: UnsafePointer<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        for index in 0..<8 {
            guard let digit = hexDigit(place[index]), place[index] < 65 || place[index] > 70 else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// The worth of a hexadecimal digit of either case.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }
}
