// LocalCommandsTests: commands that Keyway answers itself, as client libraries and redis-cli send them at start.
// Not here: the client table over several connections (ClientTableTests).

import Foundation
import TestKit
import Testing

@Suite(.serialized) struct LocalCommandsTests {
    /// Goal: where a server's answer says nothing about the server, Keyway's is the same.
    @Test(arguments: Servers.found) func connectionCommandsAnswerAsOneServerDoes(_ server: Server) throws {
        let direct = try ServerProcess(server).connect()
        let client = try Rig(server).connect()
        let commands = [
            ["PING"], ["ping", "hello"], ["PING", "a", "b"], ["ECHO", "x"], ["ECHO"], ["SELECT", "0"], ["SELECT", "x"],
            ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "me"], ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "a b"],
            ["CLIENT", "SETINFO", "LIB-NAME", "lib"], ["CLIENT", "SETINFO", "LIB-VER", "1.0"],
            ["CLIENT", "SETINFO", "NONSENSE", "1"], ["CLIENT", "NO-EVICT", "ON"], ["CLIENT", "NO-EVICT", "OFF"],
            ["CLIENT", "NO-TOUCH", "ON"], ["CLIENT", "NO-TOUCH", "OFF"], ["CLIENT", "NO-TOUCH", "MAYBE"],
            ["CLIENT", "SETNAME", ""], ["CLIENT", "GETNAME"], ["ACL", "WHOAMI"], ["RESET"], ["PING"],
            ["COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2"], ["COMMAND", "GETKEYS", "GET", "a"],
            ["COMMAND", "INFO", "nosuch"], ["CLIENT", "NOSUCH"], ["CLIENT"], ["COMMAND", "NOSUCH"],
        ]
        var problems = Problems()
        for command in commands {
            let (expected, reply) = (try direct.command(command), try client.command(command))
            problems.check(reply == expected, "\(command): \(reply); one server says \(expected)")
        }
        problems.report()
    }

    @Test(arguments: Servers.newest) func helloTwoDescribesKeyway(_ server: Server) throws {
        let client = try Rig(server).connect()
        for command in [["HELLO", "2"], ["HELLO"], ["HELLO", "2", "SETNAME", "greeter"]] {
            let reply = try client.command(command)
            var fields: [String: RESPValue] = [:]
            var pairs = reply.elements[...]
            while let name = pairs.popFirst()?.text, let value = pairs.popFirst() { fields[name] = value }
            #expect(fields["server"]?.text != nil, "\(command): \(reply)")
            #expect(fields["version"]?.text?.contains(".") == true, "\(command): \(reply)")
            #expect(fields["proto"] == 2)
            #expect(fields["id"]?.integer ?? 0 > 0)
            #expect(fields["role"] == "master")
            #expect(fields["mode"] == "standalone")
        }
        #expect(try client.command("CLIENT", "GETNAME") == "greeter")
        #expect(try client.command("HELLO", "9").errorText?.hasPrefix("NOPROTO") == true)
        #expect(try client.command("HELLO", "x").isError)
        #expect(try client.command("PING") == .simple("PONG"))
    }

    @Test(arguments: Servers.newest) func commandDescribesTheCommands(_ server: Server) throws {
        let client = try Rig(server).connect()
        let all = try client.command("COMMAND").elements
        let count = try #require(try client.command("COMMAND", "COUNT").integer)
        #expect(all.count == count)
        #expect(count > 150)
        let get = try client.command("COMMAND", "INFO", "get").elements.first?.elements ?? []
        #expect(get.prefix(2) == ["get", 2])
        #expect(get.dropFirst(3).prefix(3) == [1, 1, 1])
        #expect(try client.command("COMMAND", "LIST").sortedTexts.contains("mget"))
        let documents = try client.command("COMMAND", "DOCS", "get", "nosuch").elements
        #expect(documents.first == "get" && documents.count == 2)
        #expect(try client.command("COMMAND", "DOCS").elements.count >= 300)
    }

    @Test(arguments: Servers.newest) func theProxyAnswersForItself(_ server: Server) throws {
        let client = try Rig(server).connect()
        let time = try client.command("TIME").elements.compactMap { $0.text.flatMap { Double($0) } }
        #expect(time.count == 2)
        #expect(abs(Date().timeIntervalSince1970 - (time.first ?? 0)) < 5)
        let role = try client.command("ROLE").elements
        #expect(role.count == 3 && role.first == "master" && role.last == [])
        #expect(try client.command("LOLWUT").text?.isEmpty == false)
        let cluster = try client.command("CLUSTER", "INFO").text ?? ""
        #expect(cluster.contains("cluster support disabled") || cluster.contains("cluster_enabled:0"), "\(cluster)")
        let config = try client.command("CONFIG", "GET", "maxmemory")
        #expect(config.elements.count % 2 == 0 && !config.isError, "\(config)")
        #expect(!(try client.command("CONFIG", "GET", "save").isError))
        #expect(!(try client.command("CONFIG", "GET", "*").isError))
        let id = try #require(try client.command("CLIENT", "ID").integer)
        let info = try client.command("CLIENT", "INFO").text ?? ""
        #expect(info.contains("id=\(id) ") && info.contains("addr=127.0.0.1:"), "\(info)")
        #expect(try client.command("SELECT", "16").isError)
        #expect(try client.command("AUTH", "secret").isError)
        #expect(try client.command("GET", "still open") == .null)
    }

    @Test(arguments: Servers.newest) func quitAnswersAndClosesAndRunsNothingBehindIt(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        try client.send(
            respCommand("SET", "a", "1") + respCommand("GET", "a") + respCommand("QUIT") + respCommand("SET", "a", "2"))
        #expect(try client.replies(3) == [.ok, "1", .ok])
        #expect(try client.waitsForClose())
        #expect(try rig.connect().command("GET", "a") == "1")
    }

    /// Goal: every client of a pool with a password has to say it, and backends get it too.
    @Test(arguments: Servers.newest) func aPasswordIsAskedForAndPassedOn(_ server: Server) throws {
        let shards = try (0..<2).map { _ in try ServerProcess(server, arguments: ["--requirepass", "open sesame"]) }
        let endpoint = Endpoint.freeTCP()
        let config = Rig.config(
            listen: endpoint.description, servers: shards.map { $0.line() }, pool: ["redis_auth": "open sesame"])
        let keyway = try KeywayProcess(config: config, endpoint: endpoint)
        let client = try RESPConnection(endpoint)
        for command in [["GET", "a"], ["MGET", "a", "b"], ["DBSIZE"], ["CLIENT", "LIST"], ["KEYS", "*"]] {
            #expect(try client.command(command).errorText?.hasPrefix("NOAUTH") == true, "\(command)")
        }
        #expect(try client.command("AUTH", "wrong").isError)
        #expect(try client.command("GET", "a").isError)
        #expect(try client.command("AUTH", "open sesame") == .ok)
        #expect(try client.pipeline([["SET", "a", "1"], ["GET", "a"], ["DBSIZE"]]) == [.ok, "1", 1])
        #expect(try client.command("RESET") == .simple("RESET"))
        #expect(try client.command("GET", "a").errorText?.hasPrefix("NOAUTH") == true)
        #expect(try client.command("HELLO", "2", "AUTH", "default", "open sesame").isError == false)
        #expect(try client.command("GET", "a") == "1")
        #expect(try keyway.terminate() == .exited(0))
    }
}
