// FNV: the Fowler-Noll-Vo hashes fnv1_32, fnv1a_32, fnv1_64 and fnv1a_64.
// The low half of a 64-bit product depends on the low halves alone, and twemproxy keeps only the low half: so the
// "64" variants are the 32-bit loop with the low halves of the 64-bit constants. fnv1a_64 is the default of a pool,
// hence inlinable.

public enum FNV {
    /// Where a hash starts and what it is multiplied by at each byte.
    public struct Parameters: BitwiseCopyable, Sendable {
        public let basis: UInt32
        public let prime: UInt32

        @inlinable
        init(basis: UInt32, prime: UInt32) {
            self.basis = basis
            self.prime = prime
        }

        @inlinable
        public static var plain32: Parameters { Parameters(basis: 0x811c_9dc5, prime: 0x0100_0193) }

        /// Low halves of the basis 0xcbf29ce484222325 and the prime 0x100000001b3.
        @inlinable
        public static var low64: Parameters { Parameters(basis: 0x8422_2325, prime: 0x1b3) }
    }

    /// FNV-1.
    @inlinable
    public static func multiplyThenXor(
        _ key: UnsafePointer<UInt8>, count: Int, _ parameters: Parameters, charMask: UInt32
    ) -> UInt32 {
        var hash = parameters.basis
        var index = 0
        while index < count {
            hash &*= parameters.prime
            hash ^= widened(key[index], charMask: charMask)
            index &+= 1
        }
        return hash
    }

    /// FNV-1a.
    @inlinable
    public static func xorThenMultiply(
        _ key: UnsafePointer<UInt8>, count: Int, _ parameters: Parameters, charMask: UInt32
    ) -> UInt32 {
        var hash = parameters.basis
        var index = 0
        while index < count {
            hash ^= widened(key[index], charMask: charMask)
            hash &*= parameters.prime
            index &+= 1
        }
        return hash
    }
}
