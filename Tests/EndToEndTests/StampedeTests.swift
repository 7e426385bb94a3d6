import TestKit
import Testing

/// Goal: a value that is dear to compute is computed once, however many ask for it at once. Method: a thousand clients
/// miss one key together; each that is told so computes the value, slowly, counts that, and sets it.
@Suite(.serialized) struct StampedeTests {
    private static let clientCount = 1_000

    /// - Parameter toldCount: who is told that the key is missing before anybody brings it.
    /// - Returns: how often the value was computed.
    private func stampede(_ rig: Rig, _ key: String, toldCount: Int) throws -> Int {
        var waiting = try (0..<Self.clientCount).map { _ in try rig.connect() }
        for client in waiting { try client.send(respCommand([Array("GET".utf8), Array(key.utf8)])) }
        let observer = try rig.connect()
        try eventually("all have asked, and \(toldCount) are told") {
            let info = try observer.command("INFO", "keyway").text ?? ""
            return waiting.count { $0.hasInput(withinSeconds: 0) } == toldCount
                && (toldCount > 1 || info.contains("keyway_miss_waits:\(Self.clientCount - 1)\r\n"))
        }
        var computationCount = 0
        try eventually("all have the value") {
            waiting = try waiting.filter { client in
                guard client.hasInput(withinSeconds: 0) else { return true }
                if try client.reply() == .null {
                    computationCount += 1
                    #expect(try client.command("SET", key, "value") == .ok)
                    #expect(try client.command("GET", key) == "value")
                }
                return false
            }
            return waiting.isEmpty
        }
        return computationCount
    }

    @Test(arguments: Servers.newest) func oneComputesForAThousand(_ server: Server) throws {
        let rig = try Rig(server, workers: 2, pool: ["stampede": "'page:'", "stampede_wait": "30000"])
        #expect(try stampede(rig, "page:1", toldCount: 1) == 1)
        #expect(try stampede(rig, "other:1", toldCount: Self.clientCount) == Self.clientCount)
    }

    @Test(arguments: Servers.newest) func aWriterPastKeywayEndsTheWait(_ server: Server) throws {
        let rig = try Rig(server, workers: 2, pool: ["stampede": "'page:'", "stampede_wait": "20000"])
        let key = try rig.keysByShard(prefix: "page:")[0][0]
        let (first, second) = (try rig.connect(), try rig.connect())
        #expect(try first.command("GET", key) == .null)
        try second.send(respCommand([Array("GET".utf8), Array(key.utf8)]))
        #expect(try rig.shards[0].connect().command("SET", key, "elsewhere") == .ok)
        #expect(try second.reply() == "elsewhere")
    }
}
