import Foundation
import Hashing
import Testing

@testable import keyway

private func routes(_ form: KeyRoutes.Form, isBase64: Bool = false, text: String = "s:1:1") -> KeyRoutes {
    let placement = Placement(
        distribution: .ketama, hash: .fnv1a_64, charSign: .signed, hashTag: nil,
        servers: [RingServer(name: "s:1", weight: 1)])
    return KeyRoutes(placement: placement, texts: [text], form: form, isBase64: isBase64)
}

private func line(_ key: [UInt8], _ routes: KeyRoutes) throws -> [UInt8] {
    var output: [UInt8] = []
    try routes.append(key[...], to: &output)
    return output
}

/// Goal: whatever the bytes of a key, the line is JSON and the key can be had back from it.
/// Method: all keys of one and of two bytes, and a few of well-known trouble, read back by Foundation.
@Test func everyKeyComesBackFromItsJSONLine() throws {
    struct Line: Decodable {
        let key: String
        let base64: String?
        let server: String
        let index: Int
    }
    var keys: [[UInt8]] = [
        [], Array("é€😀\u{2028}\u{feff}".utf8), [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc0, 0x80],
    ]
    for first in UInt8.min...UInt8.max {
        keys.append([first])
        for second in stride(from: 0, through: 255, by: 5) { keys.append([first, UInt8(second)]) }
    }
    let routes = routes(.json)
    let decoder = JSONDecoder()
    for key in keys {
        let bytes = try line(key, routes)
        #expect(bytes.filter { $0 == 10 }.count == 1 && bytes.last == 10, "\(key)")
        let decoded = try decoder.decode(Line.self, from: Data(bytes))
        let back = decoded.base64.flatMap { Data(base64Encoded: $0) }.map { Array($0) } ?? Array(decoded.key.utf8)
        #expect(back == key)
        #expect((decoded.base64 == nil) == (String(validating: key, as: UTF8.self) != nil), "\(key)")
        #expect((decoded.server, decoded.index) == ("s:1:1", 0))
    }
}

@Test func controlBytesAndQuotesAreEscaped() throws {
    let key: [UInt8] = [0, 9, 13, 27, 0x22, 0x5c, 0x2f, 0x7f]
    let text = String(decoding: try line(key, routes(.json)), as: UTF8.self)
    #expect(text == #"{"key":"\u0000\u0009\u000d\u001b\"\\/\u007f","server":"s:1:1","index":0}"# + "\n")
}

@Test func aServerLineIsEscapedToo() throws {
    let text = String(decoding: try line([97], routes(.json, text: "h:1:1 a\"b")), as: UTF8.self)
    #expect(text == #"{"key":"a","server":"h:1:1 a\"b","index":0}"# + "\n")
}

@Test func thePlainFormKeepsEveryByte() throws {
    #expect(try line([0xff, 0, 0x20], routes(.plain)) == [0xff, 0, 0x20] + Array(" s:1:1\n".utf8))
}

@Test(arguments: ["!", "YQ=", "YQ", "Y Q=="]) func whatIsNoBase64IsRefused(_ key: String) {
    #expect(throws: KeyRoutes.Flaw.notBase64) { try line(Array(key.utf8), routes(.plain, isBase64: true)) }
}
