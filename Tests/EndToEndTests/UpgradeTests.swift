// UpgradeTests: a newer process takes the place of the one that runs (SIGUSR2), and no client notices.
// Not here: a client's state and every byte at which it may go (SessionTests/EngineHandoverTests).

import Foundation
import Glibc
import TestKit
import Testing

/// A process that Keyway started to succeed it; nobody of ours is its parent.
private final class Successor {
    let pid: Int32

    init(pid: Int32) {
        self.pid = pid
        Undertaker.shared.watch(pid)
    }

    deinit {
        if isAlive { kill(pid, SIGKILL) }
        Undertaker.shared.forget(pid)
    }

    var isAlive: Bool { kill(pid, 0) == 0 }
}

@Suite(.serialized) struct UpgradeTests {
    private static func pid(in file: String) -> Int32? {
        (try? String(contentsOfFile: file, encoding: .utf8)).flatMap {
            Int32($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// - Returns: the successor of process `pid`, once its file names it and the older one has gone.
    private func succeed(_ pid: Int32, pidFile: String, _ hasEnded: () -> Bool) throws -> Successor {
        kill(pid, SIGUSR2)
        try eventually("process \(pid) has a successor", withinSeconds: 60) { Self.pid(in: pidFile) ?? pid != pid }
        let successor = Successor(pid: try #require(Self.pid(in: pidFile)))
        try eventually("process \(pid) ends", withinSeconds: 60) { hasEnded() }
        return successor
    }

    /// Goal: an upgrade under load loses no request, no reply and no connection, and refuses none.
    /// Method: clients that keep their connections and clients that come and go, all the time, while the program is
    /// succeeded twice; each value is checked.
    @Test(arguments: Servers.found, [1, 2]) func clientsDoNotNotice(_ server: Server, _ workers: Int) throws {
        let folder = TemporaryFolder()
        let pidFile = folder.file("keyway.pid")
        let shards = try concurrently(3) { _ in try ServerProcess(server) }
        let endpoint = Endpoint.freeTCP()
        let config = Rig.config(
            listen: endpoint.description, servers: shards.enumerated().map { $1.line(name: "s\($0)") }, workers: workers
        )
        let keyway = try KeywayProcess(config: config, endpoint: endpoint, arguments: ["-p", pidFile])
        let stop = Flag()
        let load = BackgroundWork(8) { index in
            var client = try RESPConnection(endpoint)
            if index % 2 == 0 { _ = try client.command("HELLO", "3") }
            var turn = 0
            while !stop.isRaised {
                turn += 1
                // Half of the clients are new ones all the time.
                if index < 4 { client = try RESPConnection(endpoint) }
                var commands: [[String]] = []
                for part in 0..<20 { commands.append(["SET", "u:\(index):\(part)", "\(turn)"]) }
                for part in 0..<20 { commands.append(["GET", "u:\(index):\(part)"]) }
                commands.append(["INCR", "n:\(index)"])
                let wanted =
                    [RESPValue](repeating: .ok, count: 20)
                    + [RESPValue](repeating: .text("\(turn)"), count: 20) + [.integer(turn)]
                let got = try client.pipeline(commands)
                guard got == wanted else { throw ChildFailure("turn \(turn) of client \(index): \(got)") }
            }
            return turn
        }
        let steady = try RESPConnection(endpoint)
        #expect(
            try steady.pipeline([["CLIENT", "SETNAME", "steady"], ["SELECT", "2"], ["SET", "k", "v"]]) == [
                .ok, .ok, .ok,
            ])
        let id = try steady.command("CLIENT", "ID")

        var successors: [Successor] = []
        var pid = keyway.pid
        for _ in 0..<2 {
            let next = try succeed(pid, pidFile: pidFile) {
                successors.last.map { !$0.isAlive } ?? (keyway.process.exitStatus != nil)
            }
            successors.append(next)
            pid = next.pid
            // Who asks nothing all the time is there as well, with all that it has said.
            #expect(
                try steady.pipeline([["CLIENT", "GETNAME"], ["CLIENT", "ID"], ["GET", "k"]]) == ["steady", id, "v"])
        }
        #expect(keyway.process.exitStatus == .exited(0))
        stop.raise()
        #expect(try load.results().allSatisfy { $0 > 3 })
        #expect(!keyway.output.contains("error"), "\(keyway.output)")
        #expect(try !RESPConnection(keyway.statsEndpoint).readToClose().isEmpty, "the newest has the statistics port")
        kill(pid, SIGTERM)
        try eventually("the last one ends") { !successors[1].isAlive }
        #expect(Self.pid(in: pidFile) == nil)
    }

    /// Goal: who is in the middle of something is not torn out of it.
    @Test(arguments: Servers.newest) func whatHasBegunIsFinished(_ server: Server) throws {
        let folder = TemporaryFolder()
        let pidFile = folder.file("keyway.pid")
        let shard = try ServerProcess(server)
        let endpoint = Endpoint.freeTCP()
        let keyway = try KeywayProcess(
            config: Rig.config(listen: endpoint.description, servers: [shard.line(name: "s")]), endpoint: endpoint,
            arguments: ["-p", pidFile])
        let (buyer, waiter, sender) = try (RESPConnection(endpoint), RESPConnection(endpoint), RESPConnection(endpoint))
        #expect(try buyer.pipeline([["WATCH", "w"], ["MULTI"], ["SET", "m", "1"]]).suffix(1) == [.simple("QUEUED")])
        try waiter.send(respCommand("BLPOP", "list", "0"))
        // The front of a long value.
        let value = String(repeating: "x", count: 300_000)
        let long = respCommand("SET", "long", value)
        try sender.send(Array(long[..<200_000]))
        try eventually("all have begun") {
            try RESPConnection(endpoint).command("CLIENT", "LIST").text?.contains("cmd=blpop") == true
        }
        kill(keyway.pid, SIGUSR2)
        try eventually("there is a successor", withinSeconds: 60) { Self.pid(in: pidFile) ?? keyway.pid != keyway.pid }
        let successor = Successor(pid: try #require(Self.pid(in: pidFile)))
        #expect(try RESPConnection(endpoint).command("PING") == .simple("PONG"))
        #expect(try buyer.command("EXEC") == .array([.ok]))
        try sender.send(Array(long[200_000...]))
        #expect(try sender.reply() == .ok)
        #expect(try RESPConnection(endpoint).command("RPUSH", "list", "x") == 1)
        #expect(try waiter.reply() == .array(["list", "x"]))
        try eventually("the older one ends") { keyway.process.exitStatus != nil }
        for client in [buyer, waiter, sender] { #expect(try client.command("PING") == .simple("PONG")) }
        #expect(try buyer.command("STRLEN", "long") == .integer(300_000))
        #expect(successor.isAlive)
    }

    /// Goal: a successor that cannot serve costs nobody anything, and is told of.
    @Test(arguments: Servers.newest) func aSuccessorThatFailsChangesNothing(_ server: Server) throws {
        let rig = try Rig(server, shards: 1)
        let client = try rig.connect()
        let path = try #require(rig.keyway.configPath)
        let good = try String(contentsOfFile: path, encoding: .utf8)
        try "nonsense: [".write(toFile: path, atomically: true, encoding: .utf8)
        rig.keyway.process.signal(SIGUSR2)
        try eventually("it is told") { rig.keyway.output.contains("this process goes on as before") }
        #expect(rig.keyway.output.contains("exit code 1"), "\(rig.keyway.output)")
        #expect(try client.command("SET", "a", "1") == .ok)
        #expect(try rig.connect().command("GET", "a") == "1")
        // Its mending is enough.
        try good.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try rig.keyway.terminate() == .exited(0))
    }

    /// Goal: a successor that dies once it has said that it serves takes nobody with it.
    /// Method: in the program's place lies a script that says so and ends.
    @Test(arguments: Servers.newest) func aSuccessorThatDiesAtOnceChangesNothing(_ server: Server) throws {
        let folder = TemporaryFolder()
        let shard = try ServerProcess(server)
        let endpoint = Endpoint.freeTCP()
        let config = try folder.write(
            Rig.config(listen: endpoint.description, servers: [shard.line(name: "s")]), to: "keyway.yml")
        let (program, pidFile) = (folder.file("keyway"), folder.file("pid"))
        try FileManager.default.copyItem(atPath: KeywayProcess.binary, toPath: program)
        let keyway = try ChildProcess(program, ["-c", config, "-p", pidFile])
        try eventually("it serves") { keyway.standardOutput.contains("is ready") }
        let client = try RESPConnection(endpoint)
        #expect(try client.command("SET", "a", "1") == .ok)
        let script = """
            #!/usr/bin/env python3
            import os, socket
            older = socket.socket(fileno=int(os.environ["KEYWAY_HANDOVER"]))
            older.sendall(bytes([0, 0, 0, 0, 4, 0, 0, 0]))
            """
        try FileManager.default.removeItem(atPath: program)
        try folder.write(script, to: "keyway").withCString { #expect(chmod($0, 0o755) == 0) }
        keyway.signal(SIGUSR2)
        try eventually("it is told") {
            ["goes on as before", "is gone; the clients"].contains { keyway.standardError.contains($0) }
        }
        #expect(try client.command("GET", "a") == "1")
        #expect(try RESPConnection(endpoint).command("GET", "a") == "1")
        #expect(keyway.exitStatus == nil && Self.pid(in: pidFile) == keyway.pid)
        keyway.signal(SIGTERM)
        #expect(try keyway.waitForExit() == .exited(0))
    }

    /// Goal: data in memory is not thrown away by an upgrade.
    @Test(arguments: Servers.newest) func embeddedServersAreNotSucceeded(_ server: Server) throws {
        let endpoint = Endpoint.freeTCP()
        let config = "p:\n  listen: \(endpoint)\n  servers:\n    embedded: 1\n    binary: \(server.path)\n"
        let keyway = try KeywayProcess(config: config, endpoint: endpoint)
        let client = try RESPConnection(endpoint)
        #expect(try client.command("SET", "a", "1") == .ok)
        keyway.process.signal(SIGUSR2)
        try eventually("it is told") { keyway.output.contains("embedded servers end with their process") }
        #expect(try client.command("GET", "a") == "1")
    }

    /// Goal: a socket that systemd opened is served, and it is told when. Method: its variables, and an ear.
    @Test(arguments: Servers.newest) func systemdsSocketsAreUsedAndItIsTold(_ server: Server) throws {
        let folder = TemporaryFolder()
        let shard = try ServerProcess(server)
        let endpoint = Endpoint.freeTCP()
        let config = try folder.write(
            Rig.config(listen: endpoint.description, servers: [shard.line(name: "s")]), to: "keyway.yml")
        let script = """
            import os, socket, sys
            heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            heard.bind(sys.argv[1])
            listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
            child = os.fork()
            if child == 0:
                os.dup2(listener.fileno(), 3)
                os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=sys.argv[1])
                os.execv(sys.argv[3], [sys.argv[3], "-c", sys.argv[4]])
            # Nobody but Keyway's copy of it is left.
            listener.close()
            ready = heard.recv(200).decode()
            assert ready == "READY=1\\nMAINPID=%d" % child, ready
            with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as client:
                client.sendall(b"PING\\r\\n")
                assert client.recv(7) == b"+PONG\\r\\n"
            os.kill(child, 15)
            assert heard.recv(200) == b"STOPPING=1"
            print("exit", os.waitpid(child, 0)[1])
            """
        let answer = try ChildProcess.run(
            "python3", ["-c", script, folder.file("n"), String(endpoint.port), KeywayProcess.binary, config])
        #expect(answer.output.hasSuffix("exit 0\n"), "\(answer.output)\(answer.errors)")
    }
}
