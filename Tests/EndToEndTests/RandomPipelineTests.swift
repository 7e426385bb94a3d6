// RandomPipelineTests: many clients, random pipelines, cut at any byte, values from nothing to megabytes.
// Each client knows what every one of its replies has to be, byte for byte.
// KEYWAY_LONG_TESTS=1 runs forty times as many rounds.

import Foundation
import Glibc
import TestKit
import Testing

/// Whether the long form of the random and large tests was asked for.
let runsLongTests = ProcessInfo.processInfo.environment["KEYWAY_LONG_TESTS"] == "1"

/// What one client has written, and with it what it must read.
private struct Model {
    let client: Int
    var random: SeededRandom
    private var values: [String: [UInt8]] = [:]
    private var counters: [String: Int] = [:]

    init(client: Int, random: SeededRandom) {
        self.client = client
        self.random = random
    }

    private mutating func key() -> String { "v:\(client):\(random.below(50))" }

    private mutating func value() -> [UInt8] {
        let size: Int
        switch random.below(400) {
        case 0: size = 3_000_000 + random.below(1_000_000)
        case 1: size = 700_000
        case 2..<8: size = 60_000 + random.below(60_000)
        default: size = random.oneOf([0, 1, 10, 64, 1000, 3000, random.below(20_000)])
        }
        return [UInt8](repeating: UInt8(random.below(256)), count: size)
    }

    private func bulk(_ value: [UInt8]?) -> [UInt8] { value.map(respBulk) ?? Array("$-1\r\n".utf8) }

    /// A random command and the exact bytes of its reply.
    mutating func step() -> (request: [UInt8], reply: [UInt8]) {
        switch random.below(16) {
        case 0..<4:
            let (key, value) = (key(), value())
            values[key] = value
            return (respCommand("SET", key, value), Array("+OK\r\n".utf8))
        case 4..<9:
            let key = key()
            return (respCommand("get", key), bulk(values[key]))
        case 9:
            let token = "token \(random.next())"
            return (respCommand("ECHO", token), respBulk(Array(token.utf8)))
        case 10:
            let keys = (0..<random.below(20) + 1).map { _ in key() }
            let reply = Array("*\(keys.count)\r\n".utf8) + keys.flatMap { bulk(values[$0]) }
            return (respCommand(["MGET"] + keys), reply)
        case 11:
            var arguments: [any RESPArgument] = ["MSET"]
            for _ in 0..<random.below(8) + 1 {
                let (key, value) = (key(), value())
                values[key] = value
                arguments += [key, value] as [any RESPArgument]
            }
            return (respCommand(arguments), Array("+OK\r\n".utf8))
        case 12:
            let keys = (0..<random.below(6) + 1).map { _ in key() }
            let count = keys.filter { values.removeValue(forKey: $0) != nil }.count
            return (respCommand(["DEL"] + keys), Array(":\(count)\r\n".utf8))
        case 13:
            let keys = (0..<random.below(6) + 1).map { _ in key() }
            return (respCommand(["EXISTS"] + keys), Array(":\(keys.filter { values[$0] != nil }.count)\r\n".utf8))
        case 14:
            let key = "n:\(client):\(random.below(5))"
            counters[key, default: 0] += 1
            return (respCommand("INCR", key), Array(":\(counters[key]!)\r\n".utf8))
        default:
            return (Array("PING\r\n".utf8), Array("+PONG\r\n".utf8))
        }
    }
}

@Suite(.serialized) struct RandomPipelineTests {
    static let cases = Servers.found.flatMap { server in [(server, 1), (server, 2)] }

    /// Goal: no client ever gets a byte that is not its own, in an order that is not its own.
    @Test(arguments: cases) func everyReplyIsTheExpectedOne(_ server: Server, _ workers: Int) throws {
        let random = SeededRandom.announced()
        let rig = try Rig(server, workers: workers)
        let rounds = runsLongTests ? 1000 : 25
        _ = try concurrently(12) { index in
            var model = Model(client: index, random: random.stream(index))
            let client = try rig.connect()
            for round in 0..<rounds {
                var (request, expected): ([UInt8], [UInt8]) = ([], [])
                for _ in 0..<model.random.oneOf([1, 1, 2, 5, 16, 64, 200]) {
                    let step = model.step()
                    request += step.request
                    expected += step.reply
                }
                let pieces = model.random.oneOf([[7, 100, 1460], [1460, 16_384], [1 << 20], [3, 16_384, 1 << 20]])
                // Small pieces of megabytes would be a test of patience.
                let smallest = request.count / 2000
                var pieceRandom = model.random.stream(round)
                try client.exchange(
                    request, pieceSize: { max(pieceRandom.oneOf(pieces), smallest) },
                    expecting: expected, describe: "client \(index), round \(round)")
            }
        }
    }

    /// Goal: what Keyway reads does not depend on where the kernel cut the stream.
    @Test(arguments: Servers.newest) func everyCutOfAPipelineGivesTheSameReplies(_ server: Server) throws {
        let rig = try Rig(server)
        let request =
            respCommand("SET", "a", "value of a") + respCommand("GET", "a") + Array("PING\r\n".utf8)
            + respCommand("MSET", "b", "value of b", "c", "") + respCommand("MGET", "a", "b", "c", "d")
            + respCommand("NOSUCH") + respCommand("DEL", "a", "b", "c")
            + respCommand("EVAL", "return {1,{'x'}}", 1, "k")
        let first = try rig.connect()
        try first.send(request)
        let expected = try first.replies(8)
        #expect(expected[4] == ["value of a", "value of b", "", .null])
        for cut in 1..<request.count {
            let client = try rig.connect()
            try client.send(Array(request[..<cut]))
            // Something has to come back from what was sent first, or be on its way, before the rest follows.
            try client.send(Array(request[cut...])) { cut % 5 + 1 }
            #expect(try client.replies(8) == expected, "cut after \(cut) bytes")
        }
    }
}

extension RESPConnection {
    /// Sends and receives at once, and holds every byte that comes against the expected ones.
    func exchange(
        _ request: [UInt8], pieceSize: () -> Int, expecting expected: [UInt8], describe: String
    ) throws {
        var matched = 0
        try exchange(request, pieceSize: pieceSize) { received in
            let size = min(received.count, expected.count - matched)
            let same = expected.withUnsafeBytes { memcmp($0.baseAddress! + matched, received.baseAddress!, size) == 0 }
            guard same, size == received.count else {
                let at = (0..<size).first { expected[matched + $0] != received[$0] } ?? size
                let wanted = expected[(matched + at)...].prefix(80)
                func shown(_ bytes: some Sequence<UInt8>) -> String {
                    String(decoding: Array(bytes.prefix(80)), as: UTF8.self).debugDescription
                }
                throw ChildFailure(
                    "\(describe): reply byte \(matched + at) is wrong; "
                        + "got \(shown(received[at...])), expected \(shown(wanted))")
            }
            matched += size
            return matched == expected.count
        }
    }
}
