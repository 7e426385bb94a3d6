// VerifySoak: sources of several threads against a server played here: a dictionary, whose every step (one key of one
// command read or written, one reply delivered, one connection lost) happens when a seeded die says so. Commands of
// several keys are cut into steps as by a sharding proxy; what was under way on a lost connection, or was answered with
// a timeout, may still be executed much later or never.
// As it stands the server is correct; a fault makes it do one kind of wrong now and then.

@testable import keyway_bench

final class VerifySoak {
    enum Fault: CaseIterable {
        case swappedReplies, firstValue, corruptByte, lostWrite, otherKey, cutValue, wrongType, lostKey
    }

    private struct Task {
        let drawn: Drawn
        let command: [[UInt8]]
        /// Keys that are done.
        var doneCount = 0
        var reply: [UInt8] = []

        var name: String { String(decoding: command[0], as: UTF8.self) }
        var keyCount: Int {
            switch name {
            case "MGET": command.count - 1
            case "MSET": (command.count - 1) / 2
            default: 1
            }
        }
    }

    private struct Connection {
        let thread: Int
        var tasks: [Task] = []
        var replies: [(drawn: Drawn, bytes: [UInt8])] = []
    }

    private let rigs: [SourceRig]
    private var random: RandomBits
    private let fault: Fault?
    private let losesConnections: Bool
    private var connections: [Connection]
    private var ghosts: [Task] = []
    private var store: [[UInt8]: [UInt8]] = [:]
    private var firstValues: [[UInt8]: [UInt8]] = [:]
    private(set) var counts: [String: Int] = [:]
    private(set) var complaint = ""

    init(
        seed: UInt64, mix: String, keyCount: Int, threadCount: Int, fault: Fault? = nil, losesConnections: Bool = true
    ) throws {
        random = RandomBits(seed: seed, stream: 99)
        self.fault = fault
        self.losesConnections = losesConnections
        var options = WorkloadOptions()
        options.mix = mix
        options.keyCount = keyCount
        options.threadCount = threadCount
        options.isVerified = true
        options.seed = seed
        options.keysPerCommand = 3
        options.distribution = seed % 2 == 0 ? .uniform : .zipfian(skew: 1)
        options.valueSize = .range(61...90)
        let workload = try Workload(options)
        rigs = (0..<threadCount).map { SourceRig(workload, threadIndex: $0, threadCount: threadCount) }
        connections = (0..<(3 * threadCount)).map { Connection(thread: $0 % threadCount) }
    }

    /// Judgements of wrong, stale and missing.
    var alarmCount: Int { ["wrong", "stale", "missing"].reduce(0) { $0 + (counts[$1] ?? 0) } }

    /// - Returns: steps until the first alarm; nil when there was none.
    func run(steps: Int) -> Int? {
        for step in 0..<steps {
            let index = Int(random.next(below: UInt64(connections.count)))
            switch random.next(below: 100) {
            case 0..<25: issue(index)
            case 25..<70: execute(index)
            case 70..<97: deliver(index)
            case 97: if random.next(below: 4) == 0 { executeGhost() }
            case 98: if losesConnections, random.next(below: 10) == 0 { answerTimeout(index) }
            default: if losesConnections, random.next(below: 30) == 0 { lose(index) }
            }
            if alarmCount > 0 { return step }
        }
        return nil
    }

    private func issue(_ index: Int) {
        guard connections[index].tasks.count < 6, let drawn = rigs[connections[index].thread].draw() else { return }
        for command in commands(drawn.bytes) { connections[index].tasks.append(Task(drawn: drawn, command: command)) }
    }

    private func execute(_ index: Int) {
        guard !connections[index].tasks.isEmpty else { return }
        step(&connections[index].tasks[0])
        let task = connections[index].tasks[0]
        guard task.doneCount == task.keyCount else { return }
        connections[index].tasks.removeFirst()
        connections[index].replies.append((task.drawn, spoiled(task)))
        if fault == .swappedReplies, happens(), connections[index].replies.count >= 2 {
            let last = connections[index].replies.count - 1
            let bytes = connections[index].replies[last].bytes
            connections[index].replies[last].bytes = connections[index].replies[last - 1].bytes
            connections[index].replies[last - 1].bytes = bytes
        }
    }

    private func executeGhost() {
        guard !ghosts.isEmpty else { return }
        let index = Int(random.next(below: UInt64(ghosts.count)))
        step(&ghosts[index])
        if ghosts[index].doneCount == ghosts[index].keyCount { ghosts.remove(at: index) }
    }

    /// One key of a command.
    private func step(_ task: inout Task) {
        let command = task.command
        switch task.name {
        case "GET": task.reply = bulk(read(command[1]))
        case "MGET":
            if task.doneCount == 0 { task.reply = Array("*\(task.keyCount)\r\n".utf8) }
            task.reply += bulk(read(command[1 + task.doneCount]))
        case "SET":
            write(command[1], command[2])
            task.reply = Array("+OK\r\n".utf8)
        case "MSET":
            write(command[1 + 2 * task.doneCount], command[2 + 2 * task.doneCount])
            task.reply = Array("+OK\r\n".utf8)
        case "GETSET":
            task.reply = bulk(read(command[1]))
            write(command[1], command[2])
        case "DEL": task.reply = Array(":\(store.removeValue(forKey: command[1]) == nil ? 0 : 1)\r\n".utf8)
        default: preconditionFailure("no rule for \(task.name)")
        }
        task.doneCount += 1
    }

    private func happens() -> Bool { random.next(below: 20) == 0 }

    private func read(_ key: [UInt8]) -> [UInt8]? {
        guard let fault, happens() else { return store[key] }
        switch fault {
        case .firstValue: return firstValues[key]
        case .otherKey: return store.values.randomElement()
        case .cutValue: return store[key].map { $0.dropLast(1) }
        default: return store[key]
        }
    }

    private func write(_ key: [UInt8], _ value: [UInt8]) {
        if fault == .lostWrite, happens() { return }
        store[key] = value
        if firstValues[key] == nil { firstValues[key] = value }
        if fault == .lostKey, happens() { store[key] = nil }
    }

    private func spoiled(_ task: Task) -> [UInt8] {
        var reply = task.reply
        if fault == .wrongType, happens() { return Array(":1\r\n".utf8) }
        if fault == .corruptByte, reply[0] == UInt8(ascii: "$"), reply.count > 20, happens() {
            reply[5 + Int(random.next(below: UInt64(reply.count - 7)))] ^= 1
        }
        return reply
    }

    private func deliver(_ index: Int) {
        guard !connections[index].replies.isEmpty else { return }
        let (drawn, bytes) = connections[index].replies.removeFirst()
        note(connections[index].thread, drawn, bytes)
    }

    private func note(_ thread: Int, _ drawn: Drawn, _ bytes: [UInt8]) {
        let judgement = rigs[thread].judge(drawn, bytes)
        counts["\(judgement)", default: 0] += 1
        if alarmCount > 0 { complaint = rigs[thread].lastComplaint }
    }

    /// A proxy gives up on a command that its backend may yet execute.
    private func answerTimeout(_ index: Int) {
        guard !connections[index].tasks.isEmpty else { return }
        let task = connections[index].tasks.removeFirst()
        if random.next(below: 2) == 0 { ghosts.append(task) }
        connections[index].replies.append((task.drawn, Array("-TIMEOUT gave up\r\n".utf8)))
    }

    private func lose(_ index: Int) {
        let thread = connections[index].thread
        var seen: Set<ObjectIdentifier> = []
        for drawn in connections[index].replies.map(\.drawn) + connections[index].tasks.map(\.drawn)
        where seen.insert(ObjectIdentifier(drawn)).inserted {
            rigs[thread].abandon(drawn)
        }
        ghosts += connections[index].tasks.filter { _ in random.next(below: 2) == 0 }
        connections[index] = Connection(thread: thread)
    }
}
