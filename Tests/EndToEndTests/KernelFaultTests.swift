// What a kernel that refuses calls costs: nobody a reply, and the machine no core. Real servers, and a real kernel with
// a library before it that makes its calls fail (KernelFaults).

import Foundation
import Glibc
import TestKit
import Testing

@Suite(.serialized, .enabled(if: PreloadedLibrary.compiler != nil, "no C compiler: cc, gcc or clang"))
struct KernelFaultTests {
    /// Requests over all shards, whose replies are known.
    private func round(_ client: RESPConnection, _ name: String, _ number: Int) throws {
        let keys = (0..<4).map { "\(name):\($0)" }
        let value = "\(name)|\(number)|" + String(repeating: "x", count: number * 37 % 3_000)
        let commands: [[any RESPArgument]] =
            keys.map { ["SET", $0, value] } + keys.map { ["GET", $0] } + [["MGET"] + keys, ["ECHO", value]]
        let expected =
            keys.map { _ in RESPValue.ok } + keys.map { _ in .text(value) }
            + [.array(keys.map { _ in .text(value) }), .text(value)]
        let replies = try client.pipeline(commands)
        guard replies == expected else { throw ChildFailure("\(name), round \(number): \(replies)") }
    }

    /// Goal: a send, a receive or a wait that the kernel refuses for the moment costs no reply and no connection.
    @Test(arguments: Servers.newest) func refusedMovesCostNobodyAReply(_ server: Server) throws {
        let faults = try KernelFaults(seed: SeededRandom.announced().seed)
        let rig = try Rig(server, workers: 2, environment: faults.environment)
        let stop = Flag()
        let load = BackgroundWork(6) { index in
            let client = try rig.connect()
            var number = 0
            while !stop.isRaised {
                number += 1
                try round(client, "client\(index)", number)
            }
        }
        let outcome = Result {
            for error in [ENOBUFS, ENOMEM, EINTR, EAGAIN] {
                let calls: [KernelCall] = error == EINTR ? [.send, .receive, .wait] : [.send, .receive]
                let before = calls.map { faults.failures(of: $0) }
                for call in calls { faults.fail(call, oneIn: 4, with: error) }
                try eventually("calls fail with \(String(cString: strerror(error)))") {
                    zip(calls, before).allSatisfy { faults.failures(of: $0) > $1 + 100 } || load.hasFailed
                }
            }
        }
        stop.raise()
        _ = try load.results()
        try outcome.get()
        faults.stop()
        let told = { (words: String) in rig.keyway.output.contains(words) }
        #expect(
            told("warning the kernel has no memory for sockets (No buffer space available)"), "\(rig.keyway.output)")
        try eventually("the end is told as well") { told("notice the kernel has memory for sockets again") }
        #expect(try rig.keyway.terminate() == .exited(0))
    }

    /// Goal: while the kernel refuses every send, Keyway waits for it and takes no core for that.
    @Test(arguments: Servers.newest) func aKernelThatRefusesEverySendIsWaitedFor(_ server: Server) throws {
        let faults = try KernelFaults(seed: 1)
        let rig = try Rig(server, process: ["pacing": "off"], environment: faults.environment)
        let clients = try (0..<4).map { _ in try rig.connect() }
        for (index, client) in clients.enumerated() { try round(client, "client\(index)", 1) }
        for call in [KernelCall.send, .receive] {
            let before = faults.failures(of: call)
            faults.fail(call, oneIn: 1, with: ENOMEM)
            for client in clients { try client.send(respCommand("PING")) }
            try eventually("calls fail") { faults.failures(of: call) > before + 100 }
            let (cpu, wall) = (rig.keyway.process.cpuSeconds, monotonicSeconds())
            #expect(!clients[0].hasInput(withinSeconds: 1))
            let share = (rig.keyway.process.cpuSeconds - cpu) / (monotonicSeconds() - wall)
            #expect(share < 0.5, "Keyway spins while it cannot \(call): \(share) of a core")
            faults.stop()
            for client in clients { #expect(try client.reply() == .simple("PONG")) }
        }
    }

    /// Goal: connections that the kernel refuses come when it can make them, and those that stand notice nothing.
    @Test(arguments: Servers.newest) func refusedConnectionsComeLater(_ server: Server) throws {
        let faults = try KernelFaults(seed: SeededRandom.announced().seed)
        let rig = try Rig(
            server, workers: 2, pool: ["breaker_failures": "0", "breaker_error_percent": "0"],
            environment: faults.environment)
        let first = try rig.connect()
        try round(first, "first", 1)
        let direct = try rig.shards.map { try $0.connect() }
        faults.fail(.accept, oneIn: 2, with: ENOBUFS)
        faults.fail(.watch, oneIn: 3, with: ENOSPC)
        faults.fail(.socket, oneIn: 3, with: ENOMEM)
        faults.fail(.connect, oneIn: 3, with: ENOBUFS)
        let calls: [KernelCall] = [.accept, .watch, .socket, .connect]
        try eventually("all of them have failed") {
            let client = try rig.connect()
            // One whose descriptor cannot be watched is cut; every other gets its replies or errors.
            let replies = try? client.pipeline((0..<8).map { ["SET", "later\($0)", "v"] })
            let wrong = (replies ?? []).filter { $0 != .ok && $0.errorText?.contains("shard") != true }
            guard wrong.isEmpty else { throw ChildFailure("\(wrong)") }
            for shard in direct { _ = try shard.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") }
            return calls.allSatisfy { faults.failures(of: $0) > 2 }
        }
        faults.stop()
        #expect(try first.command("PING") == .simple("PONG"))
        try eventually("every worker accepts and every shard is reached") {
            try (0..<8).allSatisfy { _ in
                try rig.connect().pipeline((0..<8).map { ["SET", "well\($0)", "v"] }).allSatisfy { $0 == .ok }
            }
        }
        #expect(rig.keyway.output.contains("warning cannot accept a client: "), "\(rig.keyway.output)")
        #expect(try rig.keyway.terminate() == .exited(0))
    }

    /// Goal: a listener that nobody may accept from is left alone for a while, told of, and served when that is over.
    @Test(arguments: Servers.newest) func aListenerThatRefusesIsNotAskedAgainAtOnce(_ server: Server) throws {
        let faults = try KernelFaults(seed: 1)
        let rig = try Rig(server, environment: faults.environment)
        let first = try rig.connect()
        try round(first, "first", 1)
        faults.fail(.accept, oneIn: 1, with: EPERM)
        let second = try rig.connect()
        try second.send(respCommand("PING"))
        try eventually("it is told") {
            rig.keyway.output.contains("warning cannot accept a client: accept: Operation not permitted")
        }
        let before = faults.failures(of: .accept)
        #expect(!second.hasInput(withinSeconds: 1))
        #expect(faults.failures(of: .accept) < before + 100, "Keyway spins while it cannot accept")
        try round(first, "first", 2)
        faults.stop()
        #expect(try second.reply() == .simple("PONG"))
    }

    /// Goal: with too few descriptors for its workers Keyway says so and does not start.
    @Test(arguments: [8, 9]) func tooFewDescriptorsForTheWorkersAreAReasonNotToStart(_ limit: Int) throws {
        let config = Rig.config(listen: "\(Endpoint.freeTCP())", servers: ["127.0.0.1:1:1"], workers: 2)
        let keyway = try KeywayProcess(config: config, endpoint: nil, openFileLimit: limit)
        #expect(try keyway.process.waitForExit() == .exited(2))
        let reason = keyway.output.split(separator: "\n").last ?? ""
        #expect(reason.contains(" critical start failed: ") && reason.contains(": Too many open files"), "\(reason)")
        #expect(!keyway.output.contains("bug of Keyway"))
    }

    /// Goal: a disk that is full takes log lines away and nothing else, and says how many once it has room.
    @Test(.enabled(if: KeywayProcess.canMakeDisks, "this user cannot mount")) func aFullDiskCostsLogLinesOnly() throws {
        let folder = TemporaryFolder()
        let endpoint = Endpoint.freeTCP()
        let keyway = try KeywayProcess(
            config: Rig.config(listen: "\(endpoint)", servers: ["127.0.0.1:1:1"]), endpoint: endpoint,
            arguments: ["-o", folder.file("log")], smallDisk: folder.path)
        let (log, filler) = (keyway.path(inView: folder.file("log")), keyway.path(inView: folder.file("filler")))
        #expect(throws: (any Error).self) { try Data(count: 1 << 20).write(to: URL(fileURLWithPath: filler)) }
        let text = { String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self) }
        let logALine = { keyway.process.signal($0 % 2 == 0 ? SIGTTIN : SIGTTOU) }
        var count = 0
        try eventually("the last page of the log is full") {
            count += 1
            logALine(count)
            return text().utf8.count > 0 && text().utf8.count % 4_096 == 0
        }
        let client = try RESPConnection(endpoint)
        for _ in 0..<100 { #expect(try client.command("PING") == .simple("PONG")) }
        try FileManager.default.removeItem(atPath: filler)
        try eventually("the log goes on") {
            count += 1
            logALine(count)
            return text().contains("log lines could not be written (No space left on device)\n")
        }
        let notes = text().split(separator: "\n").filter { $0.contains("could not be written") }
        #expect(notes.allSatisfy { $0.contains(/^[-0-9T:.]+Z error [1-9][0-9]* log lines could/) }, "\(notes)")
        #expect(try keyway.terminate() == .exited(0))
    }
}
