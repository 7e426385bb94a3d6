// Samples: requests and replies that the tests of this room share, written by hand and drawn by chance.

import TestKit

/// One request in array form.
func request(_ arguments: [[UInt8]]) -> [UInt8] {
    arguments.reduce(Array("*\(arguments.count)\r\n".utf8)) {
        $0 + Array("$\($1.count)\r\n".utf8) + $1 + [13, 10]
    }
}

func request(_ arguments: String...) -> [UInt8] { request(arguments.map { Array($0.utf8) }) }

let sampleRequests: [[UInt8]] = [
    request("PING"), request("GET", "k"), request("SET", "k", ""), request("", "", ""),
    request("SET", "a\r\nb", "\r\n\r\n"), request("SET", "$3\r\nabc\r\n", "*1\r\n"),
    request([Array("SET".utf8), Array(0...255), [0]]),
    request([Array("MSET".utf8)] + (0..<70).map { Array("key\($0)".utf8) }),
    request([Array("SET".utf8), [107], [UInt8](repeating: 10, count: 1_000)]),
]

let sampleReplies: [String] = [
    "+OK\r\n", "+\r\n", "-ERR no\r\n", ":1\r\n", ":-1\r\n", "$-1\r\n", "*-1\r\n", "$0\r\n\r\n", "$3\r\nabc\r\n",
    "$2\r\n\r\n\r\n", "*0\r\n", "*1\r\n*0\r\n", "*2\r\n$1\r\na\r\n$-1\r\n", "*3\r\n*1\r\n:1\r\n*0\r\n+x\r\n",
    "_\r\n", "#t\r\n", "#f\r\n", ",1.5\r\n", ",-inf\r\n", "(3492890328409238509324850943850943825024385\r\n",
    "=6\r\ntxt:hi\r\n", "!5\r\nERR x\r\n", "%0\r\n", "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", "~2\r\n:1\r\n:2\r\n",
    ">2\r\n+message\r\n$1\r\nx\r\n", "|1\r\n+ttl\r\n:5\r\n$2\r\nhi\r\n", "|0\r\n+x\r\n",
    "*1\r\n|1\r\n+a\r\n+b\r\n:7\r\n",
    "|1\r\n+a\r\n|1\r\n+b\r\n+c\r\n+d\r\n*0\r\n", "*2\r\n%1\r\n~1\r\n:1\r\n>1\r\n_\r\n=4\r\ntxt:\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n$10\r\n0123456789\r\n",
]

extension SeededRandom {
    mutating func bytes(below bound: Int) -> [UInt8] {
        // Mostly the bytes that a header is made of: they are the ones to stumble over.
        let headerBytes = Array("\r\n$*0123-".utf8)
        return (0..<below(bound)).map { _ in
            below(2) == 0 ? headerBytes[below(headerBytes.count)] : UInt8(below(256))
        }
    }

    mutating func request() -> [UInt8] {
        WireTests.request((0..<(1 + below(8))).map { _ in bytes(below: below(20) == 0 ? 5_000 : 12) })
    }

    /// Changes, adds, drops or repeats a few bytes behind the first.
    mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let alphabet = Array("\r\n$*0123456789-x".utf8)
        for _ in 0...below(2) where bytes.count > 1 {
            let index = 1 + below(bytes.count - 1)
            switch below(4) {
            case 0: bytes[index] = alphabet[below(alphabet.count)]
            case 1: bytes.insert(alphabet[below(alphabet.count)], at: index)
            case 2: bytes.remove(at: index)
            default: bytes.removeLast(below(bytes.count - 1))
            }
        }
        return bytes
    }

    mutating func reply(depth: Int = 0) -> [UInt8] {
        let text = Array("x".utf8)
        func header(_ type: String, _ count: Int) -> [UInt8] { Array("\(type)\(count)\r\n".utf8) }
        switch below(depth > 4 ? 8 : 13) {
        case 0: return Array("+".utf8) + text + [13, 10]
        case 1: return Array("-ERR something\r\n".utf8)
        case 2: return header(":", below(1_000) - 500)
        case 3: return Array(oneOf(["_\r\n", "#t\r\n", ",3.25\r\n", "(123456789012345678901234567890\r\n"]).utf8)
        case 4: return Array(oneOf(["$-1\r\n", "*-1\r\n"]).utf8)
        case 5, 6, 7:
            let body = bytes(below: below(20) == 0 ? 5_000 : 12)
            return header(oneOf(["$", "=", "!"]), body.count) + body + [13, 10]
        case 8, 9: return aggregate(oneOf(["*", "~", ">"]), valuesEach: 1, depth)
        case 10: return aggregate("%", valuesEach: 2, depth)
        case 11: return aggregate("|", valuesEach: 2, depth) + reply(depth: depth + 1)
        default: return aggregate("*", valuesEach: 1, depth)
        }
    }

    private mutating func aggregate(_ type: String, valuesEach: Int, _ depth: Int) -> [UInt8] {
        let count = below(4)
        var bytes = Array("\(type)\(count)\r\n".utf8)
        for _ in 0..<(count * valuesEach) { bytes += reply(depth: depth + 1) }
        return bytes
    }

    /// Cuts `count` bytes into pieces of at least one byte.
    mutating func pieceSizes(of count: Int) -> [Int] {
        let longest = oneOf([1, 3, 20, 700, 10_000])
        var sizes: [Int] = []
        var left = count
        while left > 0 {
            sizes.append(1 + below(min(left, longest)))
            left -= sizes[sizes.count - 1]
        }
        return sizes
    }
}
