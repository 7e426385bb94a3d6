// Plan: a whole run, checked: every target, what is sent to it, how fast, how often, and where the results go.
// Whatever a user can get wrong has been said before the first connection is made.
// Not here: the options' names and help (the *Options), running it (BenchRun).

import Platform

struct Plan: Sendable {
    struct Output: Sendable, Equatable {
        let report: Report
        let path: String
    }

    var targets: [Target]
    var load: LoadOptions
    /// What is sent, one for each target; none with --pubsub.
    var workloads: [Workload]
    var roundCount: Int
    var goal: SearchGoal?
    var curveCount: Int?
    var outputs: [Output]
    var showsProgress: Bool
    var isQuiet: Bool
    /// As it was typed, without the password.
    var command: [String]

    /// - Throws: UsageError, WorkloadError.
    init(
        _ command: BenchCommand, words: [String], environment: [String: String],
        descriptorLimit: Int = WorkerThread.raiseDescriptorLimit()
    ) throws {
        let (pace, request, report) = (command.pace, command.request, command.report)
        targets = try command.target.targets()
        let pubSub = try request.pubSub()
        try pace.check(descriptorLimit: descriptorLimit, subscribers: pubSub?.subscriberCount ?? 0)
        try report.check(
            hasRate: pace.rate != nil, hasCount: pace.requests != nil,
            replaysOnce: request.trace != nil && !request.isTraceLooped, isPubSub: pubSub != nil)
        goal = try report.goal()
        curveCount = report.curve
        workloads = pubSub == nil ? try Self.workloads(command, targetCount: targets.count) : []

        load = LoadOptions()
        load.clientCount = pace.clients
        load.threadCount = pace.threads
        load.window = try pace.window(isSearch: goal != nil || curveCount != nil)
        load.warmupNs = try pace.warmupNs()
        load.intervalNs = UInt64(pace.intervalMs) * 1_000_000
        load.drainNs = UInt64(pace.drainMs) * 1_000_000
        load.reconnects = !pace.staysLost
        load.fills = request.fills
        load.isVerified = request.isVerified
        load.seed = request.seed
        load.greeting = try command.target.greeting(environment)
        load.pubSub = pubSub
        if let rate = pace.rate { load.pace = .open(ratePerS: rate, pace.arrivals ?? .even) }
        load.pipeline = pace.pipeline ?? 1
        roundCount = pace.rounds
        load.stepCountMax = min(240, max(20, 600 / (roundCount * targets.count)))
        showsProgress = report.progress
        isQuiet = report.quiet
        self.command = CommandLineWords.withoutPassword(words)
        outputs = []
        try adjustToTrace(request, pace)
        if load.fills, workloads.first?.fillCount == 0 {
            throw UsageError("--fill: nothing that is sent reads keys that could be written before; leave it out")
        }
        // Last, because it makes the files.
        outputs = try report.outputs()
    }

    private mutating func adjustToTrace(_ request: RequestOptions, _ pace: PaceOptions) throws(UsageError) {
        let trace = workloads.first?.trace
        let isSearch = goal != nil || curveCount != nil
        let speed = try request.replaySpeedFactor(
            hasTimes: trace?.hasTimes ?? false, hasRate: pace.rate != nil || isSearch)
        if let speed {
            load.pace = .trace(speed: speed)
            // A place must be free when an operation is due, or it is late.
            load.pipeline = pace.pipeline ?? 16
        }
        guard let trace, !request.isTraceLooped else { return }
        // From its first command to its last.
        if pace.warmup == nil { load.warmupNs = 0 }
        if pace.duration == nil, pace.requests == nil { load.window = .requests(max(1, trace.entries.count)) }
    }

    /// A verified value says what its target has acknowledged. Targets may share their data (a proxy and what is behind
    /// it), so each gets keys of its own.
    private static func workloads(_ command: BenchCommand, targetCount: Int) throws -> [Workload] {
        let prefix = command.request.keyPrefix
        let first = try Workload(command.request.workload(threadCount: command.pace.threads, keyPrefix: prefix))
        var workloads = [first]
        for index in 1..<max(1, targetCount) {
            guard command.request.isVerified else {
                workloads.append(first)
                continue
            }
            let options = try command.request.workload(
                threadCount: command.pace.threads, keyPrefix: "\(index + 1)-\(prefix)")
            workloads.append(try Workload(options))
        }
        return workloads
    }

    /// For people: `50 clients, pipeline 16, 1 thread, RESP2, GET 90 % SET 10 %, ...`.
    var summary: String {
        var words = [Self.plural(load.clientCount, "client")]
        switch load.pace {
        case .closed: words.append("pipeline \(load.pipeline)")
        case .open(let ratePerS, let arrivals):
            let rate = ratePerS == ratePerS.rounded() ? String(Int(ratePerS)) : String(ratePerS)
            words.append(
                "open loop of \(rate) requests/s (\(arrivals.rawValue), up to \(load.pipeline) in flight each)")
        case .trace(let speed): words.append(speed == 1 ? "at the trace's own times" : "at \(speed) times its speed")
        }
        words.append(Self.plural(load.threadCount, "thread"))
        words.append("RESP\(load.greeting.protocolVersion)")
        if let pubSub = load.pubSub {
            words.append(
                "PUBLISH of \(pubSub.payloadBytes) bytes to \(Self.plural(pubSub.channelCount, "channel")) with "
                    + Self.plural(pubSub.subscriberCount, "subscriber"))
        } else if let workload = workloads.first {
            words.append(workload.summary)
        }
        return words.joined(separator: ", ")
    }

    private static func plural(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
}
