// ClientTableTests: CLIENT commands that look at or act on connections, over more than one worker.

import TestKit
import Testing

@Suite(.serialized) struct ClientTableTests {
    @Test(arguments: Servers.newest) func theListHasTheClientsOfAllWorkers(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let clients = try (0..<24).map { _ in try rig.connect() }
        var ids: Set<Int> = []
        for (index, client) in clients.enumerated() {
            #expect(try client.command("CLIENT", "SETNAME", "name\(index)") == .ok)
            ids.insert(try client.command("CLIENT", "ID").integer ?? -1)
        }
        #expect(ids.count == 24, "ids are unique over the workers: \(ids)")
        for client in clients.prefix(4) {
            let list = try client.command("CLIENT", "LIST").text ?? ""
            for index in 0..<24 { #expect(list.contains("name=name\(index) ")) }
            for id in ids { #expect(list.contains("id=\(id) ")) }
        }
        clients[5].close()
        try eventually("a closed client leaves the list") {
            !(try clients[0].command("CLIENT", "LIST").text ?? "").contains("name=name5 ")
        }
    }

    @Test(arguments: Servers.newest) func aClientCanBeKilledFromAnyWorker(_ server: Server) throws {
        let rig = try Rig(server, workers: 2)
        let killer = try rig.connect()
        for _ in 0..<12 {
            let victim = try rig.connect()
            let id = try #require(try victim.command("CLIENT", "ID").integer)
            #expect(try killer.command("CLIENT", "KILL", "ID", id) == 1)
            #expect(try victim.waitsForClose())
            #expect(try killer.command("CLIENT", "KILL", "ID", id) == 0)
        }
        #expect(try killer.command("CLIENT", "KILL", "127.0.0.1:1").isError)
        #expect(try killer.command("PING") == .simple("PONG"))
    }

    @Test(arguments: Servers.newest) func replySkipAndOffSwallowRepliesAndNothingElse(_ server: Server) throws {
        let client = try Rig(server).connect()
        try client.send(
            respCommand("CLIENT", "REPLY", "SKIP") + respCommand("SET", "a", "1") + respCommand("GET", "a")
                + respCommand("CLIENT", "REPLY", "OFF") + respCommand("SET", "a", "2") + respCommand("MGET", "a", "b")
                + respCommand("PING") + respCommand("NOSUCH") + respCommand("DBSIZE")
                + respCommand("CLIENT", "REPLY", "ON") + respCommand("GET", "a"))
        #expect(try client.replies(3) == ["1", .ok, "2"])
        #expect(try client.command("CLIENT", "REPLY", "NONSENSE").isError)
        // SKIP reaches exactly one command further, here one that goes to all shards.
        try client.send(
            respCommand("CLIENT", "REPLY", "SKIP") + respCommand("DBSIZE") + respCommand("ECHO", "x")
                + respCommand("CLIENT", "REPLY", "SKIP") + respCommand("MGET", "a", "b", "c") + respCommand("ECHO", "y")
        )
        #expect(try client.replies(2) == ["x", "y"])
    }
}
