// CommandReader: a plain parser of commands for simulated servers, so that the engine's is not checked against itself.
// Not here: what commands do (SimulatedBackend).

import Glibc

final class CommandReader {
    private let shard: Int
    private let ledger: Ledger
    private static let countMax = 32
    private let arguments = UnsafeMutablePointer<UnsafeBufferPointer<UInt8>>.allocate(capacity: countMax)
    /// Of the command at hand.
    private(set) var count = 0
    private(set) var name: UInt64 = 0

    init(shard: Int, ledger: Ledger) {
        self.shard = shard
        self.ledger = ledger
    }

    deinit { arguments.deallocate() }

    /// Good while the bytes are.
    subscript(index: Int) -> UnsafeBufferPointer<UInt8> { arguments[index] }

    func text(_ index: Int) -> String { String(decoding: arguments[index], as: UTF8.self) }

    /// - Returns: the size of the command at the front; 0 when it is not all there.
    func parse(_ start: UnsafeMutablePointer<UInt8>, count: Int) -> Int {
        var position = 0
        let announced = number(start, count, &position, type: 0x2A)
        if announced < 0 { return 0 }
        if announced > Self.countMax { ledger.accuse("shard \(shard): a command of \(announced) arguments") }
        self.count = 0
        while self.count < announced {
            let size = number(start, count, &position, type: 0x24)
            if size < 0 || position + size + 2 > count { return 0 }
            arguments[self.count] = UnsafeBufferPointer(start: start + position, count: size)
            self.count += 1
            position += size + 2
            if start[position - 2] != 13 || start[position - 1] != 10 {
                ledger.accuse("shard \(shard): an argument without its CR LF")
            }
        }
        name = 0
        for index in 0..<min(8, arguments[0].count) { name = name << 8 | UInt64(arguments[0][index] & 0xDF) }
        return position
    }

    /// The first eight letters of a name, as `name` has them.
    static func word(_ text: StaticString) -> UInt64 {
        (0..<min(8, text.utf8CodeUnitCount)).reduce(0) { $0 << 8 | UInt64(text.utf8Start[$1]) }
    }

    /// -1: not all there.
    private func number(_ start: UnsafeMutablePointer<UInt8>, _ count: Int, _ position: inout Int, type: UInt8) -> Int {
        guard position < count else { return -1 }
        if start[position] != type {
            ledger.accuse("shard \(shard): byte \(start[position]) where \(type) should stand")
            return -1
        }
        var value = 0
        var index = position &+ 1
        while index < count {
            let digit = start[index] &- 48
            if digit > 9 { break }
            value = value &* 10 &+ Int(digit)
            index &+= 1
        }
        guard index &+ 1 < count else { return -1 }
        position = index &+ 2
        return value
    }
}
