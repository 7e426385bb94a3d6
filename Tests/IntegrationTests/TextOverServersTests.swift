import Routing
import TestKit
import Testing
import Wire

/// Goal: numbers are printed and cursors refused as servers do.
@Suite struct TextOverServersTests {
    @Test(arguments: Servers.found)
    func doublesArePrintedAsServersPrintThem(server: Server) throws {
        var random = SeededRandom.announced("doublesArePrintedAsServersPrintThem(\(server))")
        let process = try ServerProcess(server, unixSocket: true)
        let connection = try RawConnection(process, .two)
        for _ in 0..<20 {
            let values = (0..<1_000).map { _ in Self.double(&random) }
            let members = values.indices.map { Array(String($0).utf8) }
            _ = try connection.reply("DEL z")
            _ = try connection.reply(
                [Array("ZADD".utf8), [122]] + members.indices.flatMap { [Array("\(values[$0])".utf8), members[$0]] })
            let reply = try connection.reply([Array("ZMSCORE".utf8), [122]] + members)
            let texts = try #require(ReplyValue(parsing: reply)?.elements)
            for (value, text) in zip(values, texts) {
                #expect(text == .text(DoubleText.text(of: value)), "\(value.bitPattern)")
            }
        }
    }

    private static func double(_ random: inout SeededRandom) -> Double {
        switch random.below(4) {
        case 0:
            let value = Double(bitPattern: random.next())
            return value.isNaN ? 0.5 : value
        case 1: return Double(random.below(1_000_000_000)) / 1_000_000
        case 2: return Double(random.below(1 << 53)) * (random.below(2) == 0 ? 1e-20 : 1e9)
        default: return Double(random.below(2_000) - 1_000) / 10 + 0.2
        }
    }

    @Test(arguments: Servers.found)
    func badCursorsGetTheServersWords(server: Server) throws {
        let connection = try RawConnection(try ServerProcess(server, unixSocket: true), .two)
        for text in ["", "-1", "x", "1x", "1 ", "18446744073709551616", "+", "0", "00", "+5", "18446744073709551615"] {
            let reply = try connection.reply([Array("SCAN".utf8), Array(text.utf8)])
            let isRefused = ScanCursor(Array(text.utf8), ringTag: 1, shardCount: 1) == nil
            #expect(isRefused == (reply == Array("-\(ScanCursor.invalidText)\r\n".utf8)), "\(text)")
        }
    }
}
