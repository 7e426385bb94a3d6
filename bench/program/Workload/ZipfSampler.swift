// ZipfSampler: ranks 0, 1, 2 ... where rank r comes up in proportion to 1 / (r + 1)^skew, exactly and without a table.
// Rejection-inversion after Hörmann and Derflinger (1996): invert the integral of the curve, keep the draw when it lies
// below the steps. Time and memory do not grow with the number of ranks; fewer than 1.3 draws a rank on average.
// Not here: which key or size a rank stands for.

import Glibc

struct ZipfSampler: BitwiseCopyable {
    static let skewRange = 1e-6...5.0

    private let count: Double
    private let skew: Double
    private let integralAtStart: Double
    private let integralAtEnd: Double
    private let sureDistance: Double

    /// - Parameters:
    ///   - count: ranks, 1 or more, at most 2^52: they are drawn as a Double.
    ///   - skew: within `skewRange`; 1 is no special case, since the integral goes over into the logarithm.
    init(count: Int, skew: Double) {
        precondition(count >= 1 && count <= 1 << 52 && Self.skewRange.contains(skew))
        self.count = Double(count)
        self.skew = skew
        integralAtStart = Self.integral(1.5, skew) - 1
        integralAtEnd = Self.integral(Double(count) + 0.5, skew)
        sureDistance = 2 - Self.inverse(Self.integral(2.5, skew) - pow(2, -skew), skew)
    }

    /// The rank, from 0 on.
    mutating func next(_ random: inout RandomBits) -> Int {
        while true {
            let drawn = integralAtEnd + random.nextUnit() * (integralAtStart - integralAtEnd)
            let place = Self.inverse(drawn, skew)
            let rank = Swift.min(Swift.max((place + 0.5).rounded(.down), 1), count)
            // The first test holds nearly always and spares the two powers of the second.
            if rank - place <= sureDistance || drawn >= Self.integral(rank + 0.5, skew) - pow(rank, -skew) {
                return Int(rank) - 1
            }
        }
    }

    /// Of x^-skew, from 1 to `x`: (x^(1 - skew) - 1) / (1 - skew), or log x at skew 1.
    private static func integral(_ x: Double, _ skew: Double) -> Double {
        let logarithm = log(x)
        let exponent = (1 - skew) * logarithm
        return abs(exponent) < 1e-8 ? logarithm * (1 + exponent / 2) : expm1(exponent) / exponent * logarithm
    }

    private static func inverse(_ y: Double, _ skew: Double) -> Double {
        // Rounding may carry the product just below -1, where the logarithm ends.
        let product = Swift.max(y * (1 - skew), -1)
        return exp(abs(product) < 1e-8 ? y * (1 - product / 2) : log1p(product) / product * y)
    }
}
