// Phase: one target under load for one stretch of time: starts the threads, leads them through their stages, measures
// the processes over the window and puts the result together.
//
//   connect ─► [fill] ─► warm-up ─► window ─► drain
//
// Not here: which phases there are (BenchRun), the load itself (LoadThread).

import Glibc
import Platform

struct Phase<Source: RequestSource & ~Copyable> {
    let target: Target
    let targetIndex: Int
    let roundIndex: Int
    let address: SocketAddress
    let options: LoadOptions
    let names: [String]
    let interruption: Interruption
    let progress: ProgressLine?
    let makeSource: @Sendable (_ threadIndex: Int) -> Source

    /// How much longer than asked the threads may take to come to an end.
    private static var patienceNs: UInt64 { 5_000_000_000 }

    func run() throws(LoadError) -> PhaseResult {
        var result = PhaseResult(targetIndex: targetIndex, roundIndex: roundIndex, intendedRatePerS: intendedRatePerS)
        let control: PhaseControl
        let threads: [pthread_t]
        do throws(SystemError) {
            control = try PhaseControl(
                threadCount: options.threadCount, names: names, requestCount: requestCount, bell: interruption.bell)
            threads = try startThreads(control)
        } catch {
            throw LoadError(description: "\(target.label): \(error.description)")
        }
        defer { for thread in threads { WorkerThread.join(thread) } }
        defer { control.enter(.ended) }
        var record = PhaseRecord(names: names, options: options)
        try connect(control, &record)
        if options.fills { fill(control, &record) }
        if !interruption.isRaised { measure(control, &record, &result) }
        result.isCutShort = interruption.isRaised
        return result
    }

    private var intendedRatePerS: Double? {
        if case .open(let ratePerS, _) = options.pace { ratePerS } else { nil }
    }

    private var requestCount: Int? { if case .requests(let count) = options.window { count } else { nil } }

    // MARK: Threads

    private func startThreads(_ control: PhaseControl) throws(SystemError) -> [pthread_t] {
        var threads: [pthread_t] = []
        do throws(SystemError) {
            for index in 0..<options.threadCount {
                threads.append(
                    try WorkerThread.start(name: "load-\(index)") { [self] in work(index, control) })
            }
        } catch {
            control.enter(.ended)
            for thread in threads { WorkerThread.join(thread) }
            throw error
        }
        return threads
    }

    private func work(_ threadIndex: Int, _ control: PhaseControl) {
        do throws(SystemError) {
            let poller = try Poller()
            try poller.watch(control.wakeup(of: threadIndex).descriptor, .read, tag: LoadThread<Source>.wakeTag)
            var thread = LoadThread(
                source: makeSource(threadIndex), poller: poller, options: options, control: control,
                threadIndex: threadIndex, address: address)
            thread.run()
        } catch {
            var tally = Tally(names: control.names)
            tally.add(error: "connect") { error.description }
            _ = control.hand(over: tally, stepIndex: nil)
            control.report(threadIndex) {
                $0.hasArrived = true
                $0.hasFilled = true
                $0.hasEnded = true
            }
        }
    }

    /// Waits until all threads have come to a point, or the user has had enough, or the clock has come to `timeNs`.
    private func wait(
        _ control: PhaseControl, untilNs timeNs: UInt64 = .max, _ isThere: (PhaseControl.Progress) -> Bool
    ) {
        while !interruption.isRaised, !control.progress.allSatisfy({ isThere($0) || $0.hasEnded }) {
            let nowNs = Clock.nowNs()
            if nowNs >= timeNs { return }
            interruption.bell.wait(untilNs: min(timeNs, nowNs + 1_000_000_000))
        }
    }

    // MARK: Stages

    private func connect(_ control: PhaseControl, _ record: inout PhaseRecord) throws(LoadError) {
        progress?.show(label: target.label, roundIndex, "connecting")
        wait(control) { $0.hasArrived }
        for handover in control.collect() { record.add(handover.tally, stepIndex: nil) }
        let readyCount = control.progress.reduce(0) { $0 + $1.readyCount }
        guard readyCount == 0, !interruption.isRaised else { return }
        let reason = record.total.errors.first?.example ?? "no reason known"
        throw LoadError(
            description: "\(target.label): none of \(options.clientCount) connections could be used; the first failed "
                + "with: \(reason); nothing was measured")
    }

    private func fill(_ control: PhaseControl, _ record: inout PhaseRecord) {
        progress?.show(label: target.label, roundIndex, "writing the keys (--fill)")
        control.enter(.filling)
        wait(control) { $0.hasFilled }
        for handover in control.collect() { record.addFill(handover.tally) }
    }

    private func measure(_ control: PhaseControl, _ record: inout PhaseRecord, _ result: inout PhaseResult) {
        let startNs = Clock.nowNs()
        let windowStartNs = startNs + options.warmupNs
        var windowEndNs = UInt64.max
        if case .duration(let durationNs) = options.window { windowEndNs = windowStartNs + durationNs }
        control.run(startNs: startNs, windowStartNs: windowStartNs, windowEndNs: windowEndNs)

        if options.warmupNs > 0 { progress?.show(label: target.label, roundIndex, "warming up") }
        wait(control, untilNs: windowStartNs) { $0.hasEnded }
        var meter = ProcessMeter(pids: target.pids)
        meter.begin()
        let cpuStartNs = ProcessMeter.loadCPUNs()
        watch(control, &record, windowStartNs, windowEndNs)
        if interruption.isRaised {
            windowEndNs = min(windowEndNs, max(Clock.nowNs(), windowStartNs))
            control.cutShort(nowNs: windowEndNs)
        }
        result.loadCPUNs = ProcessMeter.loadCPUNs() - cpuStartNs
        let use = meter.end()
        result.processes = use.processes
        result.complaints = use.complaints

        finish(control)
        collect(control, &record)
        record.finish(
            &result, durationNs: durationNs(record, windowStartNs, windowEndNs), isVerified: options.isVerified)
        progress?.clear()
    }

    /// Collects and shows what the threads count, until the window ends.
    private func watch(
        _ control: PhaseControl, _ record: inout PhaseRecord, _ windowStartNs: UInt64, _ windowEndNs: UInt64
    ) {
        var tickNs = windowStartNs
        while !interruption.isRaised, !control.progress.allSatisfy(\.hasEnded) {
            tickNs += options.intervalNs
            // A little after the threads hand over.
            wait(control, untilNs: min(tickNs + 10_000_000, windowEndNs)) { $0.hasEnded }
            let nowNs = Clock.nowNs()
            if nowNs >= windowEndNs { return }
            collect(control, &record)
            progress?.show(
                label: target.label, roundIndex, record, elapsedNs: nowNs - min(nowNs, windowStartNs),
                window: options.window)
        }
    }

    /// Waits for the drain, but not for ever. After an interruption too: the second signal ends the process.
    private func finish(_ control: PhaseControl) {
        let deadlineNs = Clock.nowNs() + options.drainNs + Self.patienceNs
        while !control.progress.allSatisfy(\.hasEnded), Clock.nowNs() < deadlineNs {
            interruption.bell.wait(untilNs: deadlineNs)
        }
        control.enter(.ended)
        while !control.progress.allSatisfy(\.hasEnded) { interruption.bell.wait(untilNs: Clock.nowNs() + 100_000_000) }
    }

    private func collect(_ control: PhaseControl, _ record: inout PhaseRecord) {
        for handover in control.collect() {
            record.add(handover.tally, stepIndex: handover.stepIndex)
            control.giveBack(handover.tally)
        }
    }

    private func durationNs(_ record: PhaseRecord, _ windowStartNs: UInt64, _ windowEndNs: UInt64) -> UInt64 {
        let lastAnswerNs = record.total.lastAnswerNs
        let answeredNs = lastAnswerNs > windowStartNs ? lastAnswerNs - windowStartNs : 0
        let isWholeWindow = Clock.nowNs() >= windowEndNs
        return isWholeWindow ? windowEndNs - windowStartNs : answeredNs
    }
}
