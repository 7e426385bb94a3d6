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

    private func get(_ client: RESPConnection, _ key: String) throws {
        try client.send(respCommand([Array("GET".utf8), Array(key.utf8)]))
    }

    @Test(arguments: Servers.newest) func whoIsTooLateIsRefused(_ server: Server) throws {
        let rig = try Rig(
            server, workers: 2,
            pool: [
                "stampede": "'page:'", "stampede_wait": "20000", "stampede_lease": "200",
                "stampede_late_writes": "refuse",
            ])
        let (late, next) = (try rig.connect(), try rig.connect())
        #expect(try late.command("GET", "page:1") == .null)
        try get(next, "page:1")
        #expect(try next.reply() == .null, "its turn has come")
        #expect(try late.command("SET", "page:1", "old").errorText?.hasPrefix("LEASELOST ") == true)
        #expect(try next.command("SET", "page:1", "new") == .ok)
        #expect(try late.command("GET", "page:1") == "new")
        #expect(try late.command("SET", "page:1", "newer") == .ok)
    }

    @Test(arguments: Servers.newest) func theOthersHaveWhatWasReadLast(_ server: Server) throws {
        let rig = try Rig(server, pool: ["stampede": "'page:'", "stampede_stale": "60000"])
        let key = try rig.keysByShard(prefix: "page:")[0][0]
        let (first, second) = (try rig.connect(), try rig.connect())
        #expect(try first.command("SET", key, "old") == .ok)
        #expect(try first.command("GET", key) == "old")
        #expect(try rig.shards[0].connect().command("DEL", key) == .integer(1))
        #expect(try first.command("GET", key) == .null)
        #expect(try second.command("GET", key) == "old")
        #expect(try first.command("SET", key, "new") == .ok)
        #expect(try second.command("GET", key) == "new")
    }

    /// Goal: a key that is read all the time is brought anew before it ends. Method: one client reads it until it is
    /// told so while the server still has it.
    @Test(arguments: Servers.newest) func aKeyIsBroughtAnewBeforeItEnds(_ server: Server) throws {
        let rig = try Rig(server, pool: ["stampede": "'page:'", "stampede_early": "10000"])
        let client = try rig.connect()
        #expect(try client.command("GET", "page:1") == .null)
        try eventually("somebody is told early") {
            #expect(try client.command("SET", "page:1", "value", "PX", "500") == .ok)
            while try client.command("GET", "page:1") != .null {}
            return try client.command("INFO", "keyway").text?.contains("keyway_early_misses:0\r\n") == false
        }
    }
}
