// PhaseRig: runs one phase as the tests want it: over a fake or a real server, short, without a warm-up.

import Platform
import TestKit

@testable import keyway_bench

enum PhaseRig {
    /// Over a fake server, which lives at least as long as the phase.
    static func run(
        _ server: FakeServer, mix: String = "get=1", tracePath: String? = nil, interruption: Interruption? = nil,
        change: (inout LoadOptions) -> Void = { _ in }
    ) throws -> PhaseResult {
        defer { withExtendedLifetime(server) {} }
        return try run(server.target, mix: mix, tracePath: tracePath, interruption: interruption, change: change)
    }

    /// Over a real one, the same.
    static func run(
        _ process: ServerProcess, mix: String = "get=1", interruption: Interruption? = nil,
        change: (inout LoadOptions) -> Void = { _ in }
    ) throws -> PhaseResult {
        defer { withExtendedLifetime(process) {} }
        return try run(target(process), mix: mix, interruption: interruption, change: change)
    }

    /// 40 operations of one client, closed loop, unless `change` says otherwise.
    static func run(
        _ target: Target, mix: String = "get=1", tracePath: String? = nil, interruption: Interruption? = nil,
        change: (inout LoadOptions) -> Void = { _ in }
    ) throws -> PhaseResult {
        var options = LoadOptions()
        options.clientCount = 1
        options.window = .requests(40)
        options.warmupNs = 0
        options.intervalNs = 10_000_000
        options.drainNs = 20_000_000_000
        change(&options)
        var workloadOptions = WorkloadOptions()
        workloadOptions.mix = tracePath == nil ? mix : nil
        workloadOptions.tracePath = tracePath
        workloadOptions.keyCount = 100
        workloadOptions.threadCount = options.threadCount
        workloadOptions.isVerified = options.isVerified
        if options.isVerified { workloadOptions.valueSize = .fixed(100) }
        let workload = try Workload(workloadOptions)
        let threadCount = options.threadCount
        return try phase(target, options, workload.operationNames, interruption) {
            OperationSource(workload: workload, threadIndex: $0, threadCount: threadCount)
        }
    }

    static func publish(_ process: ServerProcess, change: (inout LoadOptions) -> Void) throws -> PhaseResult {
        var options = LoadOptions()
        options.clientCount = 1
        options.window = .requests(40)
        options.warmupNs = 0
        var pubSub = LoadOptions.PubSub()
        pubSub.payloadBytes = 32
        options.pubSub = pubSub
        change(&options)
        let chosen = options.pubSub!
        defer { withExtendedLifetime(process) {} }
        return try phase(target(process), options, PublishSource.operationNames, nil) {
            PublishSource(chosen, threadIndex: $0)
        }
    }

    private static func phase<Source: RequestSource & ~Copyable>(
        _ target: Target, _ options: LoadOptions, _ names: [String], _ interruption: Interruption?,
        _ makeSource: @escaping @Sendable (Int) -> Source
    ) throws -> PhaseResult {
        try Phase(
            target: target, targetIndex: 0, roundIndex: 0,
            address: try TargetAddress.find(target, timeoutNs: 20_000_000_000), options: options, names: names,
            interruption: try interruption ?? Interruption(bell: Bell()), progress: nil, makeSource: makeSource
        ).run()
    }

    private static func target(_ server: ServerProcess) -> Target {
        switch server.endpoint {
        case .tcp(let port): Target(label: "server", place: .tcp(host: "127.0.0.1", port: port), pids: [server.pid])
        case .unix(let path): Target(label: "server", place: .unix(path: path), pids: [server.pid])
        }
    }
}

extension PhaseResult {
    func errorCount(_ kind: String) -> UInt64 { errors.first { $0.kind == kind }?.count ?? 0 }
    func example(_ kind: String) -> String { errors.first { $0.kind == kind }?.example ?? "" }
}
