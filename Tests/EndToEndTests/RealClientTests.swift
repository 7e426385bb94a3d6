// RealClientTests: the programs and libraries that people use, doing ordinary work through the port.
// redis-cli, valkey-cli and the benchmarks come from PATH, the Python libraries from .tools/venv and the
// applications from .tools/applications, where the set-up puts them. What is not installed is skipped aloud, or
// fails under KEYWAY_TEST_REQUIRE_SERVERS=1.

import Foundation
import TestKit
import Testing

/// The path of a client program; nil after it was said that it is missing.
private func client(_ name: String) -> String? {
    let inTools = Servers.packageRoot + "/.tools/" + name
    if let path = Servers.program(name) { return path }
    if FileManager.default.isExecutableFile(atPath: inTools) { return inTools }
    say("SKIPPED: \(name) is not here, so nothing is tested with it; `make test` installs it")
    if Servers.areRequired { Issue.record("\(name) is missing and KEYWAY_TEST_REQUIRE_SERVERS is 1") }
    return nil
}

@Suite(.serialized) struct RealClientTests {
    private var commandLines: [String] { ["valkey-cli", "redis-cli"].compactMap { client($0) } }

    @Test(arguments: Servers.found) func theCommandLineWorksOneShotAndPiped(_ server: Server) throws {
        for program in commandLines {
            let rig = try Rig(server)
            func run(_ words: [String], input: String? = nil) throws -> String {
                let answer = try ChildProcess.run(
                    program, ["-h", "127.0.0.1", "-p", String(rig.endpoint.port)] + words,
                    input: input.map { Array($0.utf8) })
                #expect(answer.status == .exited(0), "\(words): \(answer)")
                return answer.output
            }
            #expect(try run(["SET", "a", "hello world"]) == "OK\n")
            #expect(try run(["GET", "a"]) == "hello world\n")
            #expect(try run(["MGET", "a", "none"]) == "hello world\n\n")
            #expect(try run(["PING"]) == "PONG\n")
            #expect(try run(["-2", "DBSIZE"]) == "1\n")
            #expect(try run(["NOSUCH"]).contains("ERR unknown command"))
            #expect(try run(["INFO", "server"]).contains("redis_version"))
            #expect(try run(["-r", "5", "INCR", "n"]) == "1\n2\n3\n4\n5\n")
            #expect(try run(["--no-raw", "LRANGE", "none", "0", "-1"]).contains("empty array"))
            #expect(try run([], input: "SET b 1\nINCR b\nGET b\nNOSUCH\nECHO end\n").hasSuffix("end\n"))
            #expect(try run(["-x", "SET", "file"], input: "from stdin") == "OK\n")
            #expect(try run(["GET", "file"]) == "from stdin\n")
            #expect(try run(["EVAL", "return KEYS[1]", "1", "k"]) == "k\n")
            // It asks for RESP3, is told no, and goes on in RESP2.
            #expect(try run(["-3", "GET", "a"]).hasSuffix("hello world\n"))
        }
    }

    @Test(arguments: Servers.newest) func massInsertionByPipeArrivesWhole(_ server: Server) throws {
        for program in commandLines {
            let rig = try Rig(server, workers: 2)
            let count = 50_000
            var input: [UInt8] = []
            for index in 0..<count { input += respCommand("SET", "key:\(index)", "value:\(index)") }
            let answer = try ChildProcess.run(
                program, ["-p", String(rig.endpoint.port), "--pipe", "--pipe-timeout", "30"], input: input)
            #expect(answer.status == .exited(0), "\(answer)")
            #expect(answer.output.contains("errors: 0, replies: \(count)"), "\(answer)")
            let check = try rig.connect()
            #expect(try check.command("DBSIZE") == .integer(count))
            for index in stride(from: 0, to: count, by: 997) {
                #expect(try check.command("GET", "key:\(index)") == .text("value:\(index)"))
            }
        }
    }

    @Test(arguments: Servers.found, [1, 2]) func theBenchmarkRunsWithoutAnError(_ server: Server, _ workers: Int) throws
    {
        guard let program = client("valkey-benchmark") else { return }
        let rig = try Rig(server, workers: workers)
        for words in [["-P", "16", "-n", "20000"], ["-P", "1", "-n", "3000", "-d", "3000"]] {
            let tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset"
            let answer = try ChildProcess.run(
                program, ["-p", String(rig.endpoint.port), "-t", tests, "-r", "1000", "-c", "20", "-q"] + words)
            #expect(answer.status == .exited(0), "\(answer)")
            let text = answer.output + answer.errors
            #expect(!text.contains("ERR") && !text.lowercased().contains("error"), "\(text.suffix(2000))")
            #expect(text.contains("GET: ") && text.contains("MSET (10 keys): "), "\(text.suffix(2000))")
        }
    }

    @Test(arguments: Servers.found, ["redis", "valkey"])
    func pythonLibrariesDoOrdinaryWork(_ server: Server, _ library: String) throws {
        guard let python = client("venv/bin/python") else { return }
        let script = try clientScript("ordinary_work")
        let rig = try Rig(server, workers: 2)
        let answer = try ChildProcess.run(
            python, [script.path, library, "127.0.0.1", String(rig.endpoint.port)],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
        #expect(answer.output.hasSuffix("all right\n"), "\(answer.output)")
    }

    /// Goal: a library's user sees no difference. Method: each call of each family, to one server and to Keyway.
    @Test(arguments: Servers.found, ["redis", "valkey"])
    func everyCommandFamilyEndsAsWithOneServer(_ server: Server, _ library: String) throws {
        guard let python = client("venv/bin/python") else { return }
        let script = try clientScript("every_family")
        let rig = try Rig(server, workers: 2)
        let one = try ServerProcess(server)
        for (version, style) in [("2", "sync"), ("3", "sync"), ("2", "async"), ("3", "async")] {
            let words = [library, version, style, String(one.endpoint.port), String(rig.endpoint.port)]
            let answer = try ChildProcess.run(
                python, [script.path] + words, environment: ["PYTHONDONTWRITEBYTECODE": "1"])
            #expect(answer.status == .exited(0), "\(words): \(answer.output)\(answer.errors)")
            #expect(answer.output.hasSuffix("all right\n"), "\(words): \(answer.output)")
        }
    }

    @Test(arguments: Servers.newest) func applicationsKeepTheirDataThroughThePort(_ server: Server) throws {
        guard let python = client("applications/bin/python") else { return }
        let script = try clientScript("applications")
        let rig = try Rig(server, workers: 2)
        let answer = try ChildProcess.run(
            python, [script.path, String(rig.endpoint.port)], environment: ["PYTHONDONTWRITEBYTECODE": "1"],
            withinSeconds: 120)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
        #expect(answer.output.hasSuffix("all right\n"), "\(answer.output)")
        say(answer.output)
    }

    private func clientScript(_ name: String) throws -> URL {
        try #require(Bundle.module.url(forResource: name, withExtension: "py", subdirectory: "clients"))
    }
}
