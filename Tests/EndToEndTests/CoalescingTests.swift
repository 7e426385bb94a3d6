import TestKit
import Testing

/// Goal: what many ask for at once is asked of the server once, by the server's own count. Method: a thousand clients,
/// and pipelines, over two workers; what the server has executed and what Keyway says was joined make up all.
@Suite(.serialized) struct CoalescingTests {
    private func executedCount(_ server: ServerProcess) throws -> Int {
        let info = try server.connect().command("INFO", "commandstats").text ?? ""
        guard let line = info.split(separator: "\r\n").first(where: { $0.hasPrefix("cmdstat_get:calls=") }) else {
            return 0
        }
        return Int(line.dropFirst("cmdstat_get:calls=".count).prefix { $0.isNumber }) ?? 0
    }

    private func joinedCount(_ client: RESPConnection) throws -> Int {
        let info = try client.command("INFO", "keyway").text ?? ""
        let name = "keyway_coalesced_reads:"
        guard let line = info.split(separator: "\r\n").first(where: { $0.hasPrefix(name) }) else { return -1 }
        return Int(line.dropFirst(name.count)) ?? -1
    }

    /// All clients but the observer have sent it, and Keyway has read it.
    private func eventuallyAsked(_ count: Int, _ observer: RESPConnection) throws {
        try eventually("\(count) clients have asked") {
            let list = try observer.command("CLIENT", "LIST").text ?? ""
            return list.split(separator: "\n").count { $0.contains(" cmd=get ") } == count
        }
    }

    private func rig(_ server: Server, _ mode: String) throws -> (rig: Rig, key: String) {
        let rig = try Rig(server, workers: 2, pool: ["coalesce": mode, "timeout": "3000"])
        return (rig, try rig.keysByShard(prefix: "page:")[0][0])
    }

    @Test(arguments: Servers.newest) func aPipelineIsAskedOnce(_ server: Server) throws {
        let (rig, key) = try rig(server, "tick")
        let client = try rig.connect()
        #expect(try client.command("SET", key, "value") == .ok)
        let get = respCommand([Array("GET".utf8), Array(key.utf8)])
        for _ in 0..<20 {
            try client.send(Array([[UInt8]](repeating: get, count: 50).joined()))
            for _ in 0..<50 { #expect(try client.reply() == "value") }
        }
        let (joinedCount, executedCount) = (try joinedCount(client), try executedCount(rig.shards[0]))
        #expect(joinedCount >= 20 && joinedCount + executedCount == 1_000)
    }

    @Test(arguments: Servers.newest) func aThousandClientsAskOnce(_ server: Server) throws {
        let (rig, key) = try rig(server, "inflight")
        let observer = try rig.connect()
        #expect(try observer.command("SET", key, "value") == .ok)
        let clients = try (0..<1_000).map { _ in try rig.connect() }
        let get = respCommand([Array("GET".utf8), Array(key.utf8)])
        rig.shards[0].pause()
        for client in clients { try client.send(get) }
        try eventuallyAsked(1_000, observer)
        rig.shards[0].resume()
        for client in clients { #expect(try client.reply() == "value") }
        let (joinedCount, executedCount) = (try joinedCount(observer), try executedCount(rig.shards[0]))
        #expect(executedCount <= 2 && joinedCount + executedCount == 1_000, "one for each worker")
    }

    /// The server dies with the question of all of them.
    @Test(arguments: Servers.newest) func allAreToldWhenTheServerDies(_ server: Server) throws {
        let (rig, key) = try rig(server, "inflight")
        let observer = try rig.connect()
        #expect(try observer.command("SET", key, "value") == .ok)
        let clients = try (0..<100).map { _ in try rig.connect() }
        rig.shards[0].pause()
        for client in clients { try client.send(respCommand([Array("GET".utf8), Array(key.utf8)])) }
        try eventuallyAsked(100, observer)
        rig.shards[0].kill()
        for client in clients {
            let reply = try client.reply()
            #expect(reply.errorText != nil, "\(reply)")
        }
    }
}
