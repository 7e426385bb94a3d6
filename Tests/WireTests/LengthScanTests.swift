import TestKit
import Testing

@testable import Wire

struct LengthScanTests {
    private let guarded = GuardedBytes()

    private func scan(_ bytes: some Collection<UInt8>) -> LengthScan {
        scanLength(guarded.place(bytes), count: bytes.count)
    }

    @Test(arguments: [0, 1, 9, 10, 42, 99, 100, 536_870_912, 2_147_483_647, 2_147_483_648, 9_999_999_999])
    func numbersAreReadWithTheirSize(number: Int) {
        let header = Array("\(number)\r\n".utf8)
        #expect(scan(header) == .length(number, sizeBytes: header.count))
        #expect(scan(header + [57, 57]) == .length(number, sizeBytes: header.count))
        for cut in 0..<header.count { #expect(scan(header.prefix(cut)) == .incomplete) }
    }

    @Test func minusOneIsTheOnlyNegativeNumber() {
        #expect(scan("-1\r\n".utf8) == .length(-1, sizeBytes: 4))
        for cut in 0..<4 { #expect(scan("-1\r\n".utf8.prefix(cut)) == .incomplete) }
        for bad in ["-0\r\n", "-2\r\n", "-10\r\n", "--1\r\n", "-\r\n", "-01\r\n"] {
            #expect(scan(bad.utf8) == .malformed, "\(bad)")
        }
    }

    @Test(arguments: [
        "01", "00\r\n", "+1\r\n", " 1\r\n", "1 \r\n", "1\n", "\r\n", "\n", "12345678901", "99999999999999999999",
        "1\rx",
        "1\r\r\n", "0x1\r\n", "1.0\r\n", "?\r\n", "\u{0}", "1\u{0}\r\n",
    ])
    func otherFormsAreMalformedAsSoonAsTheyShow(text: String) {
        #expect(scan(text.utf8) == .malformed)
    }

    /// Goal: exactly the canonical form is taken. Method: every string of up to five of the telling bytes, against the
    /// definition.
    @Test func everyShortStringIsJudgedByTheDefinition() {
        let alphabet: [UInt8] = [48, 49, 45, 13, 10, 120]
        var strings: [[UInt8]] = [[]]
        for _ in 0...5 {
            for string in strings { #expect(scan(string) == Self.definition(string), "\(string)") }
            strings = strings.flatMap { string in alphabet.map { string + [$0] } }
        }
    }

    private static func definition(_ bytes: [UInt8]) -> LengthScan {
        if let end = bytes.firstIndex(of: 10) {
            let text = String(decoding: bytes[...end], as: UTF8.self)
            guard let number = Int(text.unicodeScalars.dropLast(2).reduce(into: "") { $0.unicodeScalars.append($1) }),
                number >= -1, text.unicodeScalars.elementsEqual("\(number)\r\n".unicodeScalars)
            else { return .malformed }
            return .length(number, sizeBytes: end + 1)
        }
        var digits = bytes[...]
        if digits.last == 13 {
            digits = digits.dropLast()
            if digits.isEmpty { return .malformed }
            if digits == [45] { return .malformed }
        }
        if digits.isEmpty || digits == [45] || digits == [45, 49] { return .incomplete }
        let isNumber = digits.allSatisfy { (48...57).contains($0) } && (digits.count == 1 || digits.first != 48)
        return isNumber ? .incomplete : .malformed
    }
}
