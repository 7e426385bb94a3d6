// DoubleText: doubles as text, digit for digit as Valkey prints and reads them.
// Valkey prints with Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers",
// 2010), which always reads back but gives one digit too many for about one number in 700: 251.754486 is printed as
// 251.75448600000001. A reply that Keyway computes must have the same bytes, so the shortest digits will not do.
// Not here: RESP (ReplyBuilder), numbers that are whole by their type.

package enum DoubleText {
    /// Whole numbers up to 2^62 in full; beyond, and for fractions, Grisu2's digits, plain with up to 6 zeros behind
    /// them or 6 places behind the point, otherwise with an exponent.
    package static func text(of value: Double) -> String {
        if value.isNaN { return "nan" }
        let sign = value.sign == .minus ? "-" : ""
        if value.isInfinite { return sign + "inf" }
        if value == 0 { return sign + "0" }
        let wholeMax = 4_611_686_018_427_387_904.0  // 2^62
        if value.magnitude <= wholeMax, let whole = Int(exactly: value) { return String(whole) }
        var generator = DigitGenerator(value.magnitude)
        generator.run()
        return sign + layOut(generator.digits, exponent: generator.exponent)
    }

    /// Reads what Valkey takes as a float: decimal, or `inf` and `infinity` in any case; a sign may lead.
    ///
    /// - Returns: nil for everything else, for NaN, and for what a double cannot hold (1e400, 1e-400). Valkey 8.0 takes
    ///   hexadecimal floats as well; later ones do not, and neither does this.
    package static func value(of text: some Collection<UInt8>) -> Double? {
        var rest = text[...]
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        let magnitude: Double?
        if let first = rest.first, first | 0x20 == UInt8(ascii: "i") {
            let word = String(decoding: rest.map { $0 | 0x20 }, as: UTF8.self)
            magnitude = word == "inf" || word == "infinity" ? .infinity : nil
        } else {
            magnitude = decimal(rest)
        }
        return isNegative ? magnitude.map { -$0 } : magnitude
    }

    /// `12`, `1.5`, `.5`, `5.`, each with an exponent or without.
    private static func decimal(_ text: some Collection<UInt8>) -> Double? {
        let isDigit = { (byte: UInt8) in byte &- 48 <= 9 }
        let whole = text.prefix(while: isDigit)
        var rest = text.dropFirst(whole.count)
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard whole.count + fraction.count > 0 else { return nil }
        if rest.isEmpty, whole.count + fraction.count <= 15 { return quotient(whole, fraction) }
        var exponent = "0"
        if let letter = rest.first {
            guard letter | 0x20 == UInt8(ascii: "e") else { return nil }
            rest = rest.dropFirst()
            let hasSign = rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-")
            let digits = hasSign ? rest.dropFirst() : rest
            guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
            exponent = String(decoding: rest, as: UTF8.self)
        }
        let digits = String(decoding: whole, as: UTF8.self) + "." + String(decoding: fraction, as: UTF8.self) + "0"
        let isZero = (Array(whole) + fraction).allSatisfy { $0 == UInt8(ascii: "0") }
        guard let value = Double("0" + digits + "e" + exponent) else { return isZero ? 0 : nil }
        guard value.isFinite, value != 0 || isZero else { return nil }
        return value
    }

    /// Up to 15 digits, as most scores are: both numbers are exact in a double, so their quotient is rounded right.
    private static func quotient(_ whole: some Collection<UInt8>, _ fraction: some Collection<UInt8>) -> Double {
        var digits = 0
        var scale = 1
        for digit in whole { digits = digits * 10 + Int(digit - 48) }
        for digit in fraction {
            digits = digits * 10 + Int(digit - 48)
            scale *= 10
        }
        return Double(digits) / Double(scale)
    }

    /// Valkey's layout of `digits` * 10^`exponent`.
    private static func layOut(_ digits: [UInt8], exponent: Int) -> String {
        let count = digits.count
        let scientific = exponent + count - 1
        let text = String(decoding: digits, as: UTF8.self)
        if exponent >= 0 && scientific < count + 7 { return text + String(repeating: "0", count: exponent) }
        if exponent < 0 && (exponent > -7 || abs(scientific) < 4) {
            let whole = count + exponent
            if whole <= 0 { return "0." + String(repeating: "0", count: -whole) + text }
            return text.prefix(whole) + "." + text.dropFirst(whole)
        }
        let fraction = count > 1 ? "." + text.dropFirst() : ""
        return text.prefix(1) + fraction + "e" + (scientific < 0 ? "-" : "+") + String(abs(scientific))
    }
}

/// `fraction` * 2^`exponent`, unrounded where the name of its maker does not say otherwise.
private struct ScaledFraction {
    var fraction: UInt64
    var exponent: Int

    /// Moves the highest bit to the top.
    func normalized() -> ScaledFraction {
        let shift = fraction.leadingZeroBitCount
        return ScaledFraction(fraction: fraction << UInt64(shift), exponent: exponent - shift)
    }

    /// The upper 64 bits of the product, rounded half up.
    func timesRounded(_ other: ScaledFraction) -> ScaledFraction {
        let (high, low) = fraction.multipliedFullWidth(by: other.fraction)
        return ScaledFraction(fraction: high &+ (low >> 63), exponent: exponent + other.exponent + 64)
    }
}

/// Grisu2: digits between the two numbers half way to the neighbours of a double, in 64-bit arithmetic.
private struct DigitGenerator {
    /// ASCII, the first one not zero.
    private(set) var digits: [UInt8] = []
    /// Of ten, for the last digit.
    private(set) var exponent = 0
    private var value: ScaledFraction
    private var upper: ScaledFraction
    private var lower: ScaledFraction

    /// - Parameter magnitude: finite and above 0.
    init(_ magnitude: Double) {
        let hiddenBit: UInt64 = 1 << 52
        let exponentBias = 1075
        let isNormal = magnitude.exponentBitPattern != 0
        let fraction = magnitude.significandBitPattern | (isNormal ? hiddenBit : 0)
        let binaryExponent = (isNormal ? Int(magnitude.exponentBitPattern) : 1) - exponentBias
        upper = ScaledFraction(fraction: fraction << 1 + 1, exponent: binaryExponent - 1).normalized()
        // The gap below a power of two is half the gap above it.
        let shift = fraction == hiddenBit ? 2 : 1
        lower = ScaledFraction(fraction: fraction << UInt64(shift) - 1, exponent: binaryExponent - shift)
        lower.fraction <<= UInt64(lower.exponent - upper.exponent)
        lower.exponent = upper.exponent
        value = ScaledFraction(fraction: fraction, exponent: binaryExponent).normalized()
    }

    mutating func run() {
        let (power, powerOfTen) = PowersOfTen.scaling(upper.exponent)
        value = value.timesRounded(power)
        upper = upper.timesRounded(power)
        lower = lower.timesRounded(power)
        // Products are off by at most one unit: the interval shrinks to what is surely inside.
        lower.fraction &+= 1
        upper.fraction &-= 1
        exponent = -powerOfTen
        generate()
    }

    private mutating func generate() {
        let distance = upper.fraction - value.fraction
        var delta = upper.fraction - lower.fraction
        let pointBits = UInt64(-upper.exponent)
        let one: UInt64 = 1 << pointBits
        var whole = upper.fraction >> pointBits
        var fraction = upper.fraction & (one - 1)
        var divisor: UInt64 = 1_000_000_000
        var place = 10
        while place > 0 {
            append(whole / divisor)
            whole %= divisor
            place -= 1
            let rest = whole << pointBits + fraction
            if rest <= delta {
                exponent += place
                return roundDown(delta: delta, rest: rest, unit: divisor << pointBits, distance: distance)
            }
            divisor /= 10
        }
        var scale: UInt64 = 10
        while true {
            fraction &*= 10
            delta &*= 10
            place -= 1
            append(fraction >> pointBits)
            fraction &= one - 1
            if fraction < delta {
                exponent += place
                return roundDown(delta: delta, rest: fraction, unit: one, distance: distance &* scale)
            }
            scale &*= 10
        }
    }

    private mutating func append(_ digit: UInt64) {
        if digit != 0 || !digits.isEmpty { digits.append(48 + UInt8(truncatingIfNeeded: digit)) }
    }

    /// Lowers the last digit as long as that brings it nearer to the value and keeps it inside.
    private mutating func roundDown(delta: UInt64, rest: UInt64, unit: UInt64, distance: UInt64) {
        var rest = rest
        while rest < distance, delta &- rest >= unit,
            rest &+ unit < distance || distance &- rest > rest &+ unit &- distance
        {
            digits[digits.count - 1] -= 1
            rest &+= unit
        }
    }
}

/// 10^-348, 10^-340 ... 10^340 in 64 bits, rounded to the nearest.
private enum PowersOfTen {
    private static let first = -348
    private static let step = 8
    private static let fractions: [UInt64] = [
        0xFA8F_D5A0_081C_0288, 0xBAAE_E17F_A23E_BF76, 0x8B16_FB20_3055_AC76, 0xCF42_894A_5DCE_35EA,
        0x9A6B_B0AA_5565_3B2D, 0xE61A_CF03_3D1A_45DF, 0xAB70_FE17_C79A_C6CA, 0xFF77_B1FC_BEBC_DC4F,
        0xBE56_91EF_416B_D60C, 0x8DD0_1FAD_907F_FC3C, 0xD351_5C28_3155_9A83, 0x9D71_AC8F_ADA6_C9B5,
        0xEA9C_2277_23EE_8BCB, 0xAECC_4991_4078_536D, 0x823C_1279_5DB6_CE57, 0xC210_9436_4DFB_5637,
        0x9096_EA6F_3848_984F, 0xD774_85CB_2582_3AC7, 0xA086_CFCD_97BF_97F4, 0xEF34_0A98_172A_ACE5,
        0xB238_67FB_2A35_B28E, 0x84C8_D4DF_D2C6_3F3B, 0xC5DD_4427_1AD3_CDBA, 0x936B_9FCE_BB25_C996,
        0xDBAC_6C24_7D62_A584, 0xA3AB_6658_0D5F_DAF6, 0xF3E2_F893_DEC3_F126, 0xB5B5_ADA8_AAFF_80B8,
        0x8762_5F05_6C7C_4A8B, 0xC9BC_FF60_34C1_3053, 0x964E_858C_91BA_2655, 0xDFF9_7724_7029_7EBD,
        0xA6DF_BD9F_B8E5_B88F, 0xF8A9_5FCF_8874_7D94, 0xB944_7093_8FA8_9BCF, 0x8A08_F0F8_BF0F_156B,
        0xCDB0_2555_6531_31B6, 0x993F_E2C6_D07B_7FAC, 0xE45C_10C4_2A2B_3B06, 0xAA24_2499_6973_92D3,
        0xFD87_B5F2_8300_CA0E, 0xBCE5_0864_9211_1AEB, 0x8CBC_CC09_6F50_88CC, 0xD1B7_1758_E219_652C,
        0x9C40_0000_0000_0000, 0xE8D4_A510_0000_0000, 0xAD78_EBC5_AC62_0000, 0x813F_3978_F894_0984,
        0xC097_CE7B_C907_15B3, 0x8F7E_32CE_7BEA_5C70, 0xD5D2_38A4_ABE9_8068, 0x9F4F_2726_179A_2245,
        0xED63_A231_D4C4_FB27, 0xB0DE_6538_8CC8_ADA8, 0x83C7_088E_1AAB_65DB, 0xC45D_1DF9_4271_1D9A,
        0x924D_692C_A61B_E758, 0xDA01_EE64_1A70_8DEA, 0xA26D_A399_9AEF_774A, 0xF209_787B_B47D_6B85,
        0xB454_E4A1_79DD_1877, 0x865B_8692_5B9B_C5C2, 0xC835_53C5_C896_5D3D, 0x952A_B45C_FA97_A0B3,
        0xDE46_9FBD_99A0_5FE3, 0xA59B_C234_DB39_8C25, 0xF6C6_9A72_A398_9F5C, 0xB7DC_BF53_54E9_BECE,
        0x88FC_F317_F222_41E2, 0xCC20_CE9B_D35C_78A5, 0x9816_5AF3_7B21_53DF, 0xE2A0_B5DC_971F_303A,
        0xA8D9_D153_5CE3_B396, 0xFB9B_7CD9_A4A7_443C, 0xBB76_4C4C_A7A4_4410, 0x8BAB_8EEF_B640_9C1A,
        0xD01F_EF10_A657_842C, 0x9B10_A4E5_E991_3129, 0xE710_9BFB_A19C_0C9D, 0xAC28_20D9_623B_F429,
        0x8044_4B5E_7AA7_CF85, 0xBF21_E440_03AC_DD2D, 0x8E67_9C2F_5E44_FF8F, 0xD433_179D_9C8C_B841,
        0x9E19_DB92_B4E3_1BA9, 0xEB96_BF6E_BADF_77D9, 0xAF87_023B_9BF0_EE6B,
    ]

    /// A power that brings a number with this binary exponent to one between -60 and -32, and its decimal exponent.
    static func scaling(_ binaryExponent: Int) -> (power: ScaledFraction, powerOfTen: Int) {
        // Where two would do, the search's start decides which; so it is the original's.
        let estimate = Int(-Double(binaryExponent + fractions.count) * 0.30102999566398114)
        var index = (estimate - first) / step
        while true {
            let powerOfTen = first + index * step
            // floor(log2(10^n)) - 63
            let exponent = (powerOfTen * 217_706) >> 16 - 63
            let scaled = binaryExponent + exponent + 64
            if scaled < -60 {
                index += 1
            } else if scaled > -32 {
                index -= 1
            } else {
                return (ScaledFraction(fraction: fractions[index], exponent: exponent), powerOfTen)
            }
        }
    }
}
