// KeyRoutes: keys in, one line each out that names the key's server. Keys are bytes, not text.
// JSON holds text only: a key that is not UTF-8 has U+FFFD where it is not, and a field "base64" with every byte.
// Not here: where a key belongs (Hashing), the command line (RouteCommand).

import Foundation
import Hashing

struct KeyRoutes {
    enum Form: Equatable {
        /// `KEY SERVER`
        case plain
        /// `{"key":"KEY","server":"SERVER","index":0}`
        case json
    }

    enum Flaw: Error, Equatable {
        case notBase64
    }

    private let placement: Placement
    private let form: Form
    private let isBase64: Bool
    /// What follows the key, one for each server, with the LF.
    private let tails: [[UInt8]]

    /// - Parameters:
    ///   - texts: what to call each server, in the order of the placement.
    ///   - isBase64: keys come, and are shown, in base64.
    init(placement: Placement, texts: [String], form: Form, isBase64: Bool) {
        precondition(placement.servers.count == texts.count)
        self.placement = placement
        self.form = form
        self.isBase64 = isBase64
        tails = texts.enumerated().map { index, text in
            switch form {
            case .plain: return Array(" \(text)\n".utf8)
            case .json:
                var tail = Array(",\"server\":".utf8)
                Self.appendJSON(Array(text.utf8)[...], to: &tail)
                tail += Array(",\"index\":\(index)}\n".utf8)
                return tail
            }
        }
    }

    /// Appends the line of one key; the placement must have a server for it.
    func append(_ key: ArraySlice<UInt8>, to output: inout [UInt8]) throws(Flaw) {
        let server: Int
        if isBase64 {
            guard let bytes = Data(base64Encoded: Data(key)) else { throw .notBase64 }
            server = index(of: Array(bytes)[...])
        } else {
            server = index(of: key)
        }
        precondition(server >= 0)  // RouteCommand refuses to leave no server.
        switch form {
        case .plain: output += key
        case .json:
            output += Array("{\"key\":".utf8)
            let isText = Self.appendJSON(key, to: &output)
            if !isText {
                output += Array(",\"base64\":\"".utf8)
                output += Data(key).base64EncodedData()
                output.append(UInt8(ascii: "\""))
            }
        }
        output += tails[server]
    }

    private func index(of key: ArraySlice<UInt8>) -> Int {
        key.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else {
                var none: UInt8 = 0
                return withUnsafePointer(to: &none) { placement.view.serverIndex(key: $0, count: 0, random: 0) }
            }
            return placement.view.serverIndex(key: start, count: bytes.count, random: 0)
        }
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// Appends `bytes` as a JSON string.
    ///
    /// - Returns: false when they are not UTF-8, and so not all of them are there.
    @discardableResult
    private static func appendJSON(_ bytes: ArraySlice<UInt8>, to output: inout [UInt8]) -> Bool {
        let isASCII = bytes.allSatisfy { $0 < 0x80 }
        let isText = isASCII || String(validating: bytes, as: UTF8.self) != nil
        let text = isText ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)[...]
        output.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20, 0x7f:
                output += [UInt8(ascii: "\\"), UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
                output.append(hexDigits[Int(byte >> 4)])
                output.append(hexDigits[Int(byte & 15)])
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
        return isText
    }
}
