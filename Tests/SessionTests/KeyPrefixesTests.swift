// Prefixes of keys, against the standard library's own.

import Testing
import Wire

@testable import Session

struct KeyPrefixesTests {
    @Test(arguments: [[], [""], ["a"], ["ab", "b"], ["page:", "page:1", "x\0y"], ["", "a"]])
    func theyAreThoseOfTheKey(prefixes: [String]) {
        let made = KeyPrefixes(prefixes.map { Array($0.utf8) })
        defer { made.deallocate() }
        for key in ["", "a", "ab", "abc", "b", "bab", "page", "page:", "page:12", "x\0", "x\0yz", "X\0y"] {
            let bytes = Array(key.utf8)
            let has = bytes.withUnsafeBufferPointer { buffer in
                let empty: [UInt8] = [0]
                return empty.withUnsafeBufferPointer {
                    made.has(frontOf: ByteView(start: buffer.baseAddress ?? $0.baseAddress!, count: buffer.count))
                }
            }
            #expect(has == prefixes.contains { key.utf8.starts(with: $0.utf8) }, "\(key) of \(prefixes)")
        }
    }
}
