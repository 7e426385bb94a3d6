// ErrorsTests: what clients hear when they ask for something wrong or something that Keyway does not do.
// The promise: always an answer, and the connection stays open unless the bytes were not RESP at all.

import TestKit
import Testing

@Suite(.serialized) struct ErrorsTests {
    @Test(arguments: Servers.found) func unknownCommandsAndWrongAritiesReadAsValkeySaysThem(_ server: Server) throws {
        let direct = try ServerProcess(server).connect()
        let client = try Rig(server).connect()
        let long = String(repeating: "x", count: 300)
        let commands = [
            ["NOSUCH"], ["NOSUCH", "a", "b c"], ["nosuch", long, long], [long, "x"], ["", "x"], ["GET"],
            ["GET", "a", "b"],
            ["SET", "a"], ["HSET", "a", "b"], ["MGET"], ["DEL"], ["EVAL"], ["OBJECT"], ["OBJECT", "NOSUCH", "a"],
            ["XGROUP", "NOSUCH"], ["SCRIPT", "NOSUCH"], ["CONFIG", "NOSUCH"], ["ECHO", "a", "b"],
            ["GET\r\n", "a\r\nb"],
        ]
        var problems = Problems()
        for command in commands {
            let (expected, reply) = (try direct.command(command), try client.command(command))
            problems.check(reply == expected && reply.isError, "\(command): \(reply); one server says \(expected)")
        }
        problems.report()
        #expect(try client.command("PING") == .simple("PONG"))
    }

    /// Goal: what Keyway does not do is said in an error, never by a closed connection or by silence.
    @Test(arguments: Servers.newest) func whatIsNotSupportedIsAnErrorAndTheConnectionStays(_ server: Server) throws {
        let client = try Rig(server).connect()
        let commands = [
            ["SHUTDOWN"], ["REPLICAOF", "NO", "ONE"], ["SLAVEOF", "NO", "ONE"], ["DEBUG", "SLEEP", "0"], ["SAVE"],
            ["BGSAVE"], ["BGREWRITEAOF"], ["SYNC"], ["PSYNC", "?", "-1"], ["MIGRATE", "h", "1", "k", "0", "1"],
            ["MODULE", "LOAD", "/x"], ["SWAPDB", "0", "1"], ["FAILOVER"], ["CLUSTER", "FAILOVER"],
            ["PFDEBUG", "X", "k"],
            ["SCRIPT", "DEBUG", "YES"], ["RESTORE-ASKING", "k", "0", "x"], ["REPLCONF", "LISTENING-PORT", "1"],
        ]
        for command in commands {
            let reply = try client.command(command)
            #expect(reply.isError, "\(command): \(reply)")
            #expect(try client.command("ECHO", "after " + command[0]) == .text("after " + command[0]))
        }
    }

    @Test(arguments: Servers.found) func inlineCommandsReadAsOnOneServer(_ server: Server) throws {
        let direct = try ServerProcess(server)
        let rig = try Rig(server)
        let text = """
            SET greeting "hello \\x41\\n\\"quoted\\" world"\r
            get greeting
            \r

              SET   'single quotes'   'it\\'s' \r
            GET "single quotes"\r
            SET empty ""\r
            GET empty\r
            PING\r
            NOSUCH a b\r
            QUIT\r

            """
        let (one, two) = (try direct.connect(), try rig.connect())
        try one.send(text)
        try two.send(text)
        let (expected, answer) = (try one.readToClose(), try two.readToClose())
        #expect(String(decoding: answer, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
        for cut in 1..<text.utf8.count {
            let client = try rig.connect()
            try client.send(Array(text.utf8)) { cut }
            #expect(try client.readToClose() == expected, "in pieces of \(cut) bytes")
        }
    }

    /// Goal: bytes that are not RESP get Valkey's own error, then the close that Valkey does.
    @Test(arguments: Servers.found) func protocolErrorsReadAsValkeySaysThem(_ server: Server) throws {
        let direct = try ServerProcess(server)
        let rig = try Rig(server)
        let inputs = [
            "*abc\r\n", "*2147483648\r\n", "*99999999999999999999\r\n", "*1\r\n!3\r\n", "*1\r\n$-5\r\n",
            "*1\r\n$536870913\r\n", "*1\r\n$abc\r\n", "*1\r\n$99999999999999999999\r\n", "GET \"unbalanced\r\n",
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n:1\r\n", String(repeating: "x", count: 70_000),
        ]
        for input in inputs {
            let (one, two) = (try direct.connect(), try rig.connect())
            for client in [one, two] { try client.send("*2\r\n$4\r\nECHO\r\n$6\r\nbefore\r\n" + input) }
            let expected = String(decoding: try one.readToClose(), as: UTF8.self)
            let answer = String(decoding: try two.readToClose(), as: UTF8.self)
            #expect(answer == expected, "\(input.prefix(40))")
        }
        // A server waits for the end of a number until 64 KB of digits have come; Keyway says at the 20th what it is.
        for (start, what) in [("*", "multibulk"), ("*1\r\n$", "bulk")] {
            let client = try rig.connect()
            try client.send(start + String(repeating: "1", count: 100))
            #expect(try client.reply() == .error("ERR Protocol error: invalid \(what) length"))
            #expect(try client.waitsForClose())
        }
        // Not errors on a server, so not here: empty commands.
        let client = try rig.connect()
        try client.send("*0\r\n*-1\r\n\r\n*1\r\n$4\r\nPING\r\n")
        #expect(try client.reply() == .simple("PONG"))
    }
}
