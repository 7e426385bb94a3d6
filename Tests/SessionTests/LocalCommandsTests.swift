// What Keyway answers itself: the commands that client libraries and redis-cli send at their start, and CLIENT.

import Telemetry
import TestKit
import Testing

@testable import Session

struct LocalCommandsTests {
    @Test(arguments: [
        (["PING"], "+PONG\r\n"),
        (["PING", "a"], "$1\r\na\r\n"),
        (["PING", "a", "b"], "-ERR wrong number of arguments for 'ping' command\r\n"),
        (["ECHO", "hi"], "$2\r\nhi\r\n"),
        (["SELECT", "0"], "+OK\r\n"),
        (["SELECT", "15"], "+OK\r\n"),
        (["SELECT", "16"], "-ERR DB index is out of range\r\n"),
        (["SELECT", "-1"], "-ERR DB index is out of range\r\n"),
        (["SELECT", "x"], "-ERR value is not an integer or out of range\r\n"),
        (
            ["SELECT", "2147483648"],
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n"
        ),
        (["SELECT", "9223372036854775808"], "-ERR value is not an integer or out of range\r\n"),
        (["ROLE"], "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"),
        (["ACL", "WHOAMI"], "$7\r\ndefault\r\n"),
        (["CLUSTER", "INFO"], "-ERR This instance has cluster support disabled\r\n"),
        (["READONLY"], "+OK\r\n"),
        (["RESET"], "+RESET\r\n"),
        (["CLIENT", "GETNAME"], "$-1\r\n"),
        (["CLIENT", "SETNAME", "a b"], "-ERR Client names cannot contain spaces, newlines or special characters.\r\n"),
        (["CLIENT", "SETINFO", "lib-name", "x"], "+OK\r\n"),
        (["CLIENT", "SETINFO", "lib-foo", "x"], "-ERR Unrecognized option 'lib-foo'\r\n"),
        (["CLIENT", "NO-EVICT", "on"], "+OK\r\n"),
        (["CLIENT", "NO-TOUCH", "maybe"], "-ERR syntax error\r\n"),
        (["CLIENT", "UNBLOCK", "x", "c"], "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"),
        (["CLIENT", "UNBLOCK", "x", "error"], "-ERR value is not an integer or out of range\r\n"),
        (["CLIENT", "UNBLOCK", "01"], "-ERR value is not an integer or out of range\r\n"),
        (["CLIENT", "LIST", "ID"], "-ERR syntax error\r\n"),
        (["CLIENT", "LIST", "DB", "16"], "-ERR DB number should be between 0 and 15\r\n"),
        (["CLIENT", "KILL", "USER", "me"], "-ERR No such user 'me'\r\n"),
        (["CLIENT", "CAPA", "redirect", "other"], "+OK\r\n"),
        (["SELECT", "01"], "-ERR value is not an integer or out of range\r\n"),
        (["ACL", "LOG", "01"], "-ERR value is not an integer or out of range\r\n"),
        (
            ["acl", "log", "x", "y"],
            "-ERR unknown subcommand or wrong number of arguments for 'log'. Try ACL HELP.\r\n"
        ),
        (["ACL", "DRYRUN", "default", "config", "get", "x"], "+OK\r\n"),
        (["ACL", "DRYRUN", "default", "config", "nosuch"], "-ERR Command 'config' not found\r\n"),
        (["ACL", "DRYRUN", "default", "config", "get"], "-ERR wrong number of arguments for 'config|get' command\r\n"),
        (["ACL", "DRYRUN", "me", "get", "k"], "-ERR User 'me' not found\r\n"),
        (["HELLO", "4"], "-NOPROTO unsupported protocol version\r\n"),
        (["HELLO", "x"], "-ERR Protocol version is not an integer or out of range\r\n"),
        (["CONFIG", "GET", "databases"], "*2\r\n$9\r\ndatabases\r\n$2\r\n16\r\n"),
        (["CONFIG", "GET", "nothing"], "*0\r\n"),
        (["AUTH", "x"], "-\(ProxyError.noPasswordSet)\r\n"),
    ])
    func answersAsValkeyDoes(words: [String], reply: String) throws {
        let rig = try EngineRig()
        #expect(rig.ask(rig.connect(), words) == reply)
    }

    @Test func helloTwoDescribesTheConnection() throws {
        let rig = try EngineRig(options: { $0.version = "1.2.3" })
        let client = rig.connect()
        let reply = rig.ask(client, "HELLO", "2", "SETNAME", "me")
        #expect(reply.hasPrefix("*14\r\n$6\r\nserver\r\n$6\r\nkeyway\r\n$7\r\nversion\r\n$5\r\n1.2.3\r\n"))
        #expect(rig.ask(client, "CLIENT", "GETNAME") == "$2\r\nme\r\n")
    }

    @Test func aPoolWithAPasswordAsksForIt() throws {
        let rig = try EngineRig(pool: { $0.password = "secret" })
        let client = rig.connect()
        #expect(rig.ask(client, "GET", "k") == "-NOAUTH Authentication required.\r\n")
        #expect(rig.ask(client, "PING") == "-NOAUTH Authentication required.\r\n")
        for wrong in ["", "secre", "secret2", "Secret"] {
            #expect(rig.ask(client, "AUTH", wrong).hasPrefix("-WRONGPASS"), "\(wrong)")
        }
        #expect(rig.ask(client, "AUTH", "other", "secret").hasPrefix("-WRONGPASS"))
        #expect(rig.ask(client, "HELLO").hasPrefix("-NOAUTH HELLO must be called"))
        #expect(rig.ask(client, "AUTH", "secret") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
        #expect(rig.ask(client, "RESET") == "+RESET\r\n")
        #expect(rig.ask(client, "GET", "k") == "-NOAUTH Authentication required.\r\n")
        #expect(rig.ask(client, "HELLO", "2", "AUTH", "default", "secret").hasPrefix("*14"))
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
    }

    @Test func quitAnswersAndCloses() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        rig.send(client, rig.request("SET", "k", "v") + rig.request("QUIT") + rig.request("PING"))
        #expect(client.text == "+OK\r\n+OK\r\n")
        #expect(!client.isOpen)
    }

    @Test func replyOffAndSkipDropRepliesAndKeepTheOrder() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        rig.send(
            client,
            rig.request("CLIENT", "REPLY", "SKIP") + rig.request("SET", "a", "1") + rig.request("GET", "a")
                + rig.request("CLIENT", "REPLY", "OFF") + rig.request("SET", "a", "2") + rig.request("PING")
                + rig.request("CLIENT", "REPLY", "ON") + rig.request("GET", "a"))
        #expect(client.text == "$1\r\n1\r\n+OK\r\n$1\r\n2\r\n")
    }

    @Test func listShowsEveryClientAndKillClosesTheOneThatIsMeant() throws {
        let rig = try EngineRig()
        let (client, other) = (rig.connect(), rig.connect())
        _ = rig.ask(other, "CLIENT", "SETNAME", "victim")
        let list = rig.ask(client, "CLIENT", "LIST")
        #expect(list.components("id=") == 2 && list.contains("name=victim") && list.contains("cmd=client|list"))
        let id = String(other.ref.pointee.id)
        #expect(rig.ask(client, "CLIENT", "LIST", "ID", id).components("id=") == 1)
        #expect(rig.ask(client, "CLIENT", "KILL", "ID", id) == ":1\r\n")
        #expect(!other.isOpen)
        #expect(rig.ask(client, "CLIENT", "KILL", "ID", id) == ":0\r\n")
        #expect(rig.ask(client, "CLIENT", "KILL", "1.2.3.4:5") == "-ERR No such client\r\n")
        #expect(rig.ask(client, "CLIENT", "KILL", "SKIPME", "no") == ":1\r\n")
        #expect(!client.isOpen)
    }

    @Test func theListCanBeNarrowed() throws {
        let rig = try EngineRig()
        let (client, other) = (rig.connect(), rig.connect())
        #expect(rig.ask(other, "MULTI") == "+OK\r\n")
        let id = "id=\(other.ref.pointee.id) "
        #expect(rig.ask(client, "CLIENT", "LIST", "FLAGS", "x").contains(id))
        #expect(rig.ask(client, "CLIENT", "LIST", "FLAGS", "x", "NOT-ID", "\(other.ref.pointee.id)") == "$0\r\n\r\n")
        #expect(rig.ask(client, "CLIENT", "LIST", "TYPE", "pubsub") == "$0\r\n\r\n")
        #expect(rig.ask(client, "CLIENT", "KILL", "FLAGS", "x", "ID", "\(other.ref.pointee.id)", "99") == ":1\r\n")
        #expect(!other.isOpen && client.isOpen)
    }

    /// Goal: COMMAND has an answer while no server is there to ask.
    @Test func commandDescribesTheTable() throws {
        let rig = try EngineRig()
        let client = rig.connect()
        for (index, backend) in rig.backends.enumerated() {
            backend.isRefusing = true
            rig.send(client, rig.request("GET", rig.key(on: index)))
        }
        for _ in 0..<30 { rig.advance(ms: 100) }
        #expect(rig.ask(client, "COMMAND", "COUNT") == ":258\r\n")
        #expect(rig.ask(client, "COMMAND", "GETKEYS", "MSET", "a", "1", "b", "2") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n")
        #expect(rig.ask(client, "COMMAND", "DOCS", "GET").hasPrefix("*2\r\n$3\r\nget\r\n"))
    }

    @Test func infoAddsUpTheShardsAndNamesThoseThatAreDown() throws {
        let rig = try EngineRig(shardCount: 2)
        let text = "used_memory:100\r\nmaxmemory:0\r\ndb0:keys=3,expires=1,avg_ttl=5\r\n"
        for backend in rig.backends {
            backend.lie = { $0[0] == "INFO" ? Array("$\(text.utf8.count)\r\n\(text)\r\n".utf8) : nil }
        }
        let client = rig.connect()
        let both = rig.ask(client, "INFO")
        #expect(both.contains("# Keyway") && both.contains("used_memory:200\r\n"))
        #expect(both.contains("db0:keys=6,expires=2"))
        rig.backends[1].isRefusing = true
        rig.lose(1)
        for _ in 0..<30 { rig.advance(ms: 100) }
        let one = rig.ask(client, "INFO")
        #expect(one.contains("used_memory:100\r\n") && one.contains("shard1:name=s1,addr=/nowhere/1,state=down"))
    }
}
