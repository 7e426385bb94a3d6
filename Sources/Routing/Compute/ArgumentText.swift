// ArgumentText: arguments read as Valkey reads them: whole numbers and words of options.

package enum ArgumentText {
    /// Canonical decimal digits, no plus, no leading zero, no "-0"; nil when it is none or does not fit.
    package static func integer(_ bytes: [UInt8]) -> Int? {
        guard let first = bytes.first, bytes.count <= 20 else { return nil }
        if bytes == [UInt8(ascii: "0")] { return 0 }
        let digits = first == UInt8(ascii: "-") ? bytes.dropFirst() : bytes[...]
        guard let leading = digits.first, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(leading) else { return nil }
        return Int(String(decoding: bytes, as: UTF8.self))
    }

    /// Whether `bytes` are the option `word` (upper case) in any case; Valkey looks no further than a NUL.
    static func matches(_ bytes: [UInt8], _ word: String) -> Bool {
        let text = bytes.prefix { $0 != 0 }
        return text.count == word.utf8.count
            && zip(text, word.utf8).allSatisfy { mine, wanted in
                mine == wanted || ((UInt8(ascii: "a")...UInt8(ascii: "z")).contains(mine) && mine & 0xDF == wanted)
            }
    }
}
