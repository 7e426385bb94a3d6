// FaultTests: shards that die, stop and come back while clients work.
// Every value carries its key and a sequence number, so that a reply to somebody else's request shows.

import Foundation
import Glibc
import TestKit
import Testing

/// One client that works on keys of its own and checks everything it reads.
private struct Worker {
    let client: RESPConnection
    let keys: [String]
    let index: Int
    private var random: SeededRandom
    /// What a reader may find: the last sequence number that was sent, and the last that was acknowledged.
    private var sent: [String: Int] = [:]
    private var acknowledged: [String: Int] = [:]
    /// Whether a shard may have lost what it had.
    let forgets: Bool
    /// Errors instead of replies, each with the keys of its request.
    var errors: [(keys: [String], text: String)] = []

    init(client: RESPConnection, keys: [String], index: Int, random: SeededRandom, forgets: Bool) {
        self.client = client
        self.keys = keys
        self.index = index
        self.random = random
        self.forgets = forgets
    }

    /// One pipeline of random commands.
    ///
    /// - Throws: a sentence when a reply is wrong. Errors are noted for the test to judge.
    mutating func round() throws {
        var commands: [[any RESPArgument]] = []
        var checks: [(inout Worker, RESPValue) throws -> Void] = []
        for _ in 0..<random.below(20) + 1 {
            let key = random.oneOf(keys)
            switch random.below(5) {
            case 0, 1:
                let sequence = sent[key, default: 0] + 1
                sent[key] = sequence
                commands.append(["SET", key, "\(key)|\(sequence)|" + String(repeating: "x", count: random.below(300))])
                checks.append { worker, reply in
                    if reply == .ok { worker.acknowledged[key] = sequence } else { try worker.note(reply, of: [key]) }
                }
            case 2, 3:
                let newest = sent[key, default: 0]
                commands.append(["GET", key])
                checks.append { worker, reply in try worker.check(reply, of: key, newest: newest) }
            default:
                let asked = [key, random.oneOf(keys), random.oneOf(keys)]
                let newest = asked.map { sent[$0, default: 0] }
                commands.append(["MGET"] + asked)
                checks.append { worker, reply in
                    if reply.isError { return try worker.note(reply, of: asked) }
                    guard reply.elements.count == 3 else { throw ChildFailure("MGET \(asked): \(reply)") }
                    for (position, element) in reply.elements.enumerated() {
                        try worker.check(element, of: asked[position], newest: newest[position])
                    }
                }
            }
            let token = "\(index):\(random.next())"
            commands.append(["ECHO", token])
            checks.append { _, reply in
                if reply != .text(token) { throw ChildFailure("ECHO \(token): \(reply)") }
            }
        }
        try client.send(commands.flatMap { respCommand($0) })
        for check in checks { try check(&self, try client.reply()) }
    }

    private mutating func check(_ reply: RESPValue, of key: String, newest: Int) throws {
        if reply.isError { return try note(reply, of: [key]) }
        let oldest = forgets ? 0 : acknowledged[key, default: 0]
        if reply == .null {
            if oldest > 0 { throw ChildFailure("GET \(key): nil, but \(oldest) was acknowledged") }
            return
        }
        let parts = (reply.text ?? "").split(separator: "|", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == key, let sequence = Int(parts[1]) else {
            throw ChildFailure("GET \(key): \(reply) belongs to another request")
        }
        guard (oldest...newest).contains(sequence) else {
            throw ChildFailure("GET \(key): number \(sequence), but \(oldest)...\(newest) were possible")
        }
    }

    private mutating func note(_ reply: RESPValue, of keys: [String]) throws {
        guard let text = reply.errorText else { throw ChildFailure("\(keys): \(reply) is no reply to this request") }
        errors.append((keys, text))
    }
}

@Suite(.serialized) struct FaultTests {
    /// Eight clients at work while `fault` happens to shard 0, four of them on keys of the other shards only.
    /// Then everything has to be well again.
    ///
    /// - Parameters:
    ///   - forgets: whether shard 0 loses its data by the fault.
    ///   - fault: gets a count that grows with every pipeline of the four clients.
    private func withLoad(
        on rig: Rig, forgets: Bool, fault: (_ pipelinesOfOthers: () -> Int) throws -> Void
    ) throws {
        let random = SeededRandom.announced()
        let keys = try rig.keysByShard(prefix: "f:", count: 16)
        let stop = Flag()
        let others = Tally()
        let load = BackgroundWork(8) { index in
            let shards = index < 4 ? 0..<keys.count : 1..<keys.count
            let own = keys[shards].flatMap { $0[(2 * index)..<(2 * index + 2)] }
            var worker = Worker(
                client: try rig.connect(), keys: own, index: index, random: random.stream(index), forgets: forgets)
            while !stop.isRaised {
                try worker.round()
                if index >= 4 { others.add() }
            }
            return worker.errors
        }
        let outcome = Result {
            try eventually("the load runs") { others.value > 50 || load.hasFailed }
            try fault { load.hasFailed ? Int.max : others.value }
            let end = others.value
            try eventually("the load goes on after the fault") { others.value > end + 50 || load.hasFailed }
        }
        stop.raise()
        let errors = try load.results()
        try outcome.get()

        let faulty = Set(keys[0])
        for (index, errors) in errors.enumerated() {
            let strange = errors.filter { faulty.isDisjoint(with: $0.keys) }
            #expect(strange.isEmpty, "client \(index) had errors on shards that were well: \(strange.prefix(5))")
        }
        let after = try rig.connect()
        // A shard that comes back gets its requests little by little.
        try eventually("every key is well again") {
            try keys.flatMap { $0 }.allSatisfy { key in
                try after.pipeline([["SET", key, "after"], ["GET", key]]) == [.ok, "after"]
            }
        }
    }

    @Test(arguments: Servers.found, [1, 2])
    func aKilledShardCostsOnlyItsOwnRequestsAndComesBack(_ server: Server, _ workers: Int) throws {
        let rig = try Rig(server, workers: workers, pool: ["timeout": "2000"])
        try withLoad(on: rig, forgets: true) { pipelinesOfOthers in
            for _ in 0..<2 {
                rig.shards[0].kill()
                let before = pipelinesOfOthers()
                try eventually("the others go on without the shard") {
                    pipelinesOfOthers() >= before.addingSaturated(100)
                }
                try rig.shards[0].restart()
                let key = try rig.keysByShard(prefix: "back")[0][0]
                let client = try rig.connect()
                try eventually("the shard is used again") { try client.command("SET", key, "x") == .ok }
            }
        }
    }

    @Test(arguments: Servers.found, [1, 2])
    func aStoppedShardCostsOnlyItsOwnRequestsAndComesBack(_ server: Server, _ workers: Int) throws {
        let rig = try Rig(server, workers: workers, pool: ["timeout": "2000"])
        try withLoad(on: rig, forgets: false) { pipelinesOfOthers in
            let key = try rig.keysByShard(prefix: "stopped")[0][0]
            let client = try rig.connect()
            for _ in 0..<2 {
                rig.shards[0].pause()
                defer { rig.shards[0].resume() }
                let before = pipelinesOfOthers()
                #expect(try client.command("GET", key).isError)
                try eventually("the others go on without the shard") {
                    pipelinesOfOthers() >= before.addingSaturated(100)
                }
                rig.shards[0].resume()
                try eventually("the shard is used again") { try client.command("GET", key) == .null }
            }
        }
    }

    /// Goal: a reply that comes after its request timed out is swallowed, and no later request gets it.
    @Test(arguments: Servers.found) func lateRepliesAreSwallowed(_ server: Server) throws {
        let rig = try Rig(server, pool: ["timeout": "1500", "breaker_failures": "0", "breaker_error_percent": "0"])
        let keys = try rig.keysByShard(prefix: "late", count: 60)
        let clients = try (0..<3).map { _ in try rig.connect() }
        for key in keys[0] { #expect(try clients[0].command("SET", key, "of " + key) == .ok) }
        for turn in 0..<3 {
            rig.shards[0].pause()
            defer { rig.shards[0].resume() }
            for (index, client) in clients.enumerated() {
                try client.send(keys[0][(index * 20)..<(index * 20 + 20)].flatMap { respCommand("GET", $0) })
                try client.send(respCommand("SET", keys[1][index], "turn \(turn)") + respCommand("GET", keys[1][index]))
            }
            for client in clients {
                let replies = try client.replies(22)
                #expect(replies.prefix(20).allSatisfy { $0.isError }, "\(replies)")
                #expect(replies.suffix(2) == [.ok, .text("turn \(turn)")])
            }
            rig.shards[0].resume()
            try eventually("the shard answers again") {
                try clients[0].command("GET", keys[0][0]) == .text("of " + keys[0][0])
            }
            for (index, client) in clients.enumerated() {
                let asked = keys[0].indices.map { keys[0][($0 * 7 + index) % 60] }
                let replies = try client.pipeline(asked.map { ["GET", $0] })
                #expect(replies == asked.map { .text("of " + $0) })
            }
        }
    }

    /// Goal: an outcome that nobody knows is called unknown, and a refused connection is not.
    @Test(arguments: Servers.newest) func aWriteInFlightWhenTheShardDiesHasAnUnknownOutcome(_ server: Server) throws {
        let rig = try Rig(server)
        let key = try rig.keysByShard(prefix: "k")[0][0]
        let client = try rig.connect()
        #expect(try client.command("SET", key, "before") == .ok)
        rig.shards[0].pause()
        try client.send(respCommand("SET", key, "in flight"))
        // Only when the bytes have left Keyway is the outcome unknown; the stopped shard's socket shows them.
        try eventually("the write is on its way") { try rig.shards[0].hasUnreadInput() }
        rig.shards[0].kill()
        let text = try client.reply().errorText ?? ""
        #expect(text.lowercased().contains("unknown"), "\(text)")
        let refused = try client.command("GET", key).errorText ?? ""
        #expect(!refused.isEmpty && !refused.lowercased().contains("unknown"), "\(refused)")
    }

    /// Goal: a fleet that is restarted whole while nobody asks is there for the next request.
    @Test(arguments: Servers.newest) func aFleetRestartedInTheDarkIsFoundAgain(_ server: Server) throws {
        let rig = try Rig(server)
        let client = try rig.connect()
        let keys = try rig.keysByShard(prefix: "k").map { $0[0] }
        for key in keys { #expect(try client.command("SET", key, "v") == .ok) }
        for shard in rig.shards { try shard.restart() }
        for key in keys {
            try eventually("\(key) can be written again") { try client.command("SET", key, "v") == .ok }
        }
        #expect(try client.command(["MGET"] + keys) == .array(keys.map { _ in "v" }))
    }
}

extension Int {
    fileprivate func addingSaturated(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// Goal: who waits for a server without a limit is told when its machine is gone without a word. Method: a second
    /// network that ends; where none can be made this is skipped aloud.
    @Test(arguments: Servers.newest) func aServerWhoseMachineIsGoneIsNotWaitedFor(_ server: Server) throws {
        let folder = TemporaryFolder()
        let script = try #require(
            Bundle.module.url(forResource: "gone_machine", withExtension: "py", subdirectory: "clients"))
        let answer = try ChildProcess.run(
            "/bin/sh",
            ["-c", "cd \"$0\" && exec python3 \"$@\"", folder.path]
                + [script.path, KeywayProcess.binary, server.path], withinSeconds: 150)
        guard answer.status != .exited(2) else {
            return say("SKIPPED: no network to lose a machine in: \(answer.output)")
        }
        #expect(answer.status == .exited(0) && answer.output == "all right\n", "\(answer)")
    }
}
