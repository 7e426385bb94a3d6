// Engine+Health: what this worker knows of its shards' health, and what it does about it.
// The breaker judges (Routing/Health/Breaker); here are the facts that it gets, the checks that it asks for, and the
// consequences: what waits is refused, the change is told once for all workers, and regular checks find a shard that
// nobody has asked.
// Rules: a check is PING and ROLE on the shard's first shared line, never refused, and in the queue like any request;
// no key moves unless the pool says so (Engine+Ejection).
// Not here: lost connections (Engine+Losses), late requests (Engine+Deadlines).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    // MARK: Facts

    /// Requests of the shard were late, or were lost with a connection.
    mutating func noteFailures(_ shard: ShardRef, _ count: Int) {
        let policy = policy(of: shard)
        perform(shard, shard.pointee.breaker.failed(count, nowMs: nowMs, random: nextRandom(), policy: policy))
    }

    /// A shard counts as down when no connection came about for this long; until then requests wait for it.
    private static var downAfterMs: UInt64 { 1_000 }

    /// No connection, again.
    mutating func noteUnreachable(_ shard: ShardRef) {
        if shard.pointee.failingSinceMs == 0 { shard.pointee.failingSinceMs = nowMs }
        guard nowMs - shard.pointee.failingSinceMs >= Self.downAfterMs else { return }
        let policy = policy(of: shard)
        perform(shard, shard.pointee.breaker.unreachable(nowMs: nowMs, random: nextRandom(), policy: policy))
    }

    /// A line of the shard may carry requests.
    mutating func noteConnected(_ shard: ShardRef) {
        if shard.pointee.failingSinceMs != 0, !shard.pointee.isGuarded {
            log.notice("shard \(name(of: shard).text): connected again")
        }
        shard.pointee.failingSinceMs = 0
        perform(shard, shard.pointee.breaker.connected(nowMs: nowMs))
        armHealth(shard)
    }

    /// An error reply of a server: it may be about the server.
    @inline(never)
    mutating func noteError(_ shard: ShardRef, _ reply: ByteView) {
        shard.pointee.counters.add(.errorReplies)
        guard let symptom = Symptom(reply) else { return }
        shard.pointee.counters.add(.unwellReplies)
        if symptom.isFailure { noteFailures(shard, 1) }
        if symptom.asksForCheck { perform(shard, shard.pointee.breaker.suspected(nowMs: nowMs)) }
    }

    /// Another worker has found the shard to be down: this one checks now and does not wait for timeouts of its own.
    mutating func beForewarned(_ poolIndex: Int, _ shardIndex: Int) {
        let shard = pools[poolIndex].shards + shardIndex
        perform(shard, shard.pointee.breaker.forewarned())
    }

    /// Its last worker that called it down has ended, so this one does until a check has passed.
    mutating func inheritShard(_ poolIndex: Int, _ shardIndex: Int) {
        let shard = pools[poolIndex].shards + shardIndex
        guard shared.register[name(of: shard)].isEjected else { return }
        perform(shard, shard.pointee.breaker.inherited(nowMs: nowMs, random: nextRandom(), policy: policy(of: shard)))
    }

    func policy(of shard: ShardRef) -> BreakerPolicy { pools[shard.pointee.poolIndex].options.backend.breaker }

    // MARK: Consequences

    private mutating func perform(_ shard: ShardRef, _ action: Breaker.Action) {
        switch action {
        case .nothing: return
        case .check: sendCheck(shard)
        case .opened: breakerOpened(shard)
        case .trickles:
            shard.pointee.counters.set(.breakerState, BreakerGauge.trickling)
            isBack(shard, "its check passed; \(trickleText(shard))")
        case .closed: breakerClosed(shard)
        }
        armHealth(shard)
    }

    private mutating func breakerOpened(_ shard: ShardRef) {
        shard.pointee.isGuarded = true
        shard.pointee.isOut = true
        shard.pointee.counters.add(.breakerOpenings)
        shard.pointee.counters.set(.breakerState, BreakerGauge.open)
        if shared.register.opened(name(of: shard), reason: whyDown(shard)) {
            tell(shard, .error, "down: \(whyDown(shard)); \(consequence(shard))")
            let warning = Message.shardOpened(poolIndex: shard.pointee.poolIndex, shardIndex: shard.pointee.index)
            for (index, box) in shared.mailboxes.enumerated() where index != workerIndex { box.post(warning) }
        }
        eject(shard)
        for index in 0..<shard.pointee.allLineCount { refuseWaiting(shard.pointee.lines[index]) }
        refuseWaitingTransfers(shard)
    }

    private mutating func breakerClosed(_ shard: ShardRef) {
        shard.pointee.isGuarded = false
        shard.pointee.counters.set(.breakerState, BreakerGauge.closed)
        isBack(shard, "up again")
    }

    /// Out of this worker's bad books; the last worker tells.
    private mutating func isBack(_ shard: ShardRef, _ text: String) {
        guard shard.pointee.isOut else { return }
        shard.pointee.isOut = false
        if shared.register.closed(name(of: shard)) { tell(shard, .notice, text) }
        readmit(shard)
    }

    /// What happened to a shard: one log line and one event.
    func tell(_ shard: ShardRef, _ level: Logger.Level, _ text: String) {
        log.log(level: level, "shard \(name(of: shard).text): \(text)")
        shared.events.add(Event(atMs: Clock.unixMs(), subject: name(of: shard).text, text: text))
    }

    // MARK: Checks

    /// One at a time; without a connection it waits for one.
    private mutating func sendCheck(_ shard: ShardRef) {
        guard shard.pointee.checkRepliesLeft == 0 else { return }
        let line = shard.pointee.lines[0]
        guard line.isReady else { return open(line) }
        shard.pointee.counters.add(.checks)
        shard.pointee.check.hasFailed = false
        shard.pointee.check.isCertain = false
        shard.pointee.checkRepliesLeft = ShardCheck.commands.count
        for (index, command) in ShardCheck.commands.enumerated() { submitCheck(line, command, index: index) }
        let lateAtMs = nowMs + UInt64(pools[shard.pointee.poolIndex].options.backend.connectTimeoutMs)
        if !line.pointee.deadlineTimer.isArmed || line.pointee.deadlineTimer.deadlineMs > lateAtMs {
            timers.arm(line.deadlineTimer, deadlineMs: lateAtMs)
        }
    }

    private mutating func submitCheck(_ line: LineRef, _ command: String, index: Int) {
        let bytes = RequestBuilder.bytes([command])
        line.submit(
            bytes, count: bytes.count,
            ticket: ReplyTicket(
                owner: UnsafeMutableRawPointer(line.pointee.shard), index: UInt32(index), kind: .check, isWrite: false),
            nowMs: nowMs, pool: &buffers)
        markDirty(line)
    }

    /// - Parameter reply: nil: it did not come in time, or was lost with its connection.
    mutating func checkAnswered(_ shard: ShardRef, index: Int, _ reply: ByteView?) {
        shard.pointee.checkRepliesLeft -= 1
        if index == Self.flushIndex { return flushAnswered(shard, reply) }
        let expected = pools[shard.pointee.poolIndex].options.backend.expectedRole
        if let reply {
            if let fault = shard.pointee.check.judge(reply, index: index, expected: expected) {
                shard.pointee.check.isCertain = true
                checkFault(shard, fault)
            }
        } else {
            let limitMs = pools[shard.pointee.poolIndex].options.backend.connectTimeoutMs
            checkFault(shard, "it did not answer a check within \(limitMs) ms")
        }
        if shard.pointee.checkRepliesLeft == 0 { judgeCheck(shard) }
    }

    private mutating func checkFault(_ shard: ShardRef, _ fault: String) {
        // The first thing that is wrong explains the others.
        guard !shard.pointee.check.hasFailed else { return }
        shard.pointee.check.hasFailed = true
        shared.remember(refusal: fault, of: name(of: shard))
        shard.pointee.lastFailure = Self.checkNotPassed
    }

    private mutating func judgeCheck(_ shard: ShardRef) {
        let policy = policy(of: shard)
        if shard.pointee.check.hasFailed {
            shard.pointee.counters.add(.checksFailed)
            perform(
                shard,
                shard.pointee.breaker.checkFailed(
                    isCertain: shard.pointee.check.isCertain, nowMs: nowMs, random: nextRandom(), policy: policy))
        } else if flushesBeforeReturn(shard), shard.pointee.isDown {
            shard.pointee.checkRepliesLeft = 1
            submitCheck(shard.pointee.lines[0], "FLUSHALL", index: Self.flushIndex)
        } else {
            perform(shard, shard.pointee.breaker.checkPassed(nowMs: nowMs, policy: policy))
        }
    }

    private static var flushIndex: Int { 2 }

    /// The keys of before its absence are gone, or the shard stays out.
    private mutating func flushAnswered(_ shard: ShardRef, _ reply: ByteView?) {
        let policy = policy(of: shard)
        if let reply, !ReplyMerge.isError(reply) {
            tell(shard, .notice, "emptied before its return (eject_return: flush)")
            return perform(shard, shard.pointee.breaker.checkPassed(nowMs: nowMs, policy: policy))
        }
        let answer = reply.map(ReplyMerge.errorText) ?? "no answer"
        checkFault(shard, "it did not empty itself before its return: \(answer)")
        perform(
            shard,
            shard.pointee.breaker.checkFailed(isCertain: true, nowMs: nowMs, random: nextRandom(), policy: policy))
    }

    // MARK: Time

    /// The next thing that time alone brings about.
    private mutating func armHealth(_ shard: ShardRef) {
        let breaker = shard.pointee.breaker
        let policy = policy(of: shard)
        let intervalMs = UInt64(pools[shard.pointee.poolIndex].options.backend.checkIntervalMs)
        switch breaker.state {
        case .open: timers.arm(shard.healthTimer, deadlineMs: max(nowMs + 1, breaker.nextCheckMs))
        case .trickling: timers.arm(shard.healthTimer, deadlineMs: max(nowMs + 1, breaker.sinceMs + policy.trickleMs))
        case .probing: timers.arm(shard.healthTimer, deadlineMs: nowMs + max(100, policy.openMs))
        case .closed:
            guard intervalMs > 0, shard.pointee.lines[0].isReady else { return timers.cancel(shard.healthTimer) }
            // A tenth of jitter spreads the checks of many shards and workers.
            let jitterMs = intervalMs * UInt64(nextRandom() & 1_023) / 10_240
            if !shard.pointee.healthTimer.isArmed {
                timers.arm(shard.healthTimer, deadlineMs: nowMs + intervalMs - jitterMs)
            }
        }
    }

    mutating func healthTimerFired(_ shard: ShardRef) {
        let policy = policy(of: shard)
        let action = shard.pointee.breaker.tick(
            replyCount: shard.pointee.counters.read(.responses), nowMs: nowMs, random: nextRandom(), policy: policy)
        perform(shard, action)
        let state = shard.pointee.breaker.state
        if action == .nothing, state == .probing || state == .closed { sendCheck(shard) }
        if state == .open, shard.pointee.breaker.reason == .unreachable {
            // Connecting goes on by itself; its success is the news.
            return timers.cancel(shard.healthTimer)
        }
        armHealth(shard)
    }

    /// Once a second: windows are judged, and limits follow the servers.
    mutating func judgeShards() {
        for poolIndex in pools.indices {
            for index in 0..<pools[poolIndex].shardCount {
                let shard = pools[poolIndex].shards + index
                followSpeed(of: shard)
                if shard.pointee.breaker.isClosed {
                    perform(
                        shard,
                        shard.pointee.breaker.tick(
                            replyCount: shard.pointee.counters.read(.responses), nowMs: nowMs, random: nextRandom(),
                            policy: policy(of: shard)))
                }
            }
        }
    }

    // MARK: Words

    /// What the numbers of the metric `breaker_state` mean.
    enum BreakerGauge {
        static let closed = 0
        static let trickling = 1
        static let open = 2
    }

    /// The error for a request that an open breaker does not let through.
    func refusalText(_ shard: ShardRef) -> String {
        if shard.pointee.breaker.isTrickling {
            return ProxyError.shardRecovering(name(of: shard), percent: tricklePercent(shard))
        }
        return ProxyError.shardDown(name(of: shard), reason: whyDown(shard), retryMs: untilNextCheckMs(shard))
    }

    func whyDown(_ shard: ShardRef) -> String {
        let policy = policy(of: shard)
        switch shard.pointee.breaker.reason {
        case .unreachable: return "cannot be reached: \(reason(of: shard))"
        case .checkFailed: return "failed its check: \(reason(of: shard))"
        case .failures:
            return "\(policy.failureCountMax) requests in a row got no answer (breaker_failures of pool "
                + "\(name(of: shard).pool) is \(policy.failureCountMax))"
        case .errorRate:
            return "\(policy.errorPercentMax) % of its requests and more got no answer (breaker_error_percent)"
        case .slow: return "most of its replies take longer than \(policy.latencyMsMax) ms (breaker_latency)"
        case .inherited: return "it was down for a worker that has ended"
        }
    }

    private func consequence(_ shard: ShardRef) -> String {
        "its requests are answered with an error; next check in \(untilNextCheckMs(shard)) ms"
    }

    func untilNextCheckMs(_ shard: ShardRef) -> Int {
        let breaker = shard.pointee.breaker
        let atMs = breaker.reason == .unreachable ? shard.pointee.retryAtMs : breaker.nextCheckMs
        return Int(max(atMs, nowMs) - nowMs)
    }

    private func tricklePercent(_ shard: ShardRef) -> Int {
        Int(shard.pointee.breaker.trickle(nowMs: nowMs, policy: policy(of: shard)) * 100 / 1_024)
    }

    private func trickleText(_ shard: ShardRef) -> String {
        "its requests are let through again, more and more of them over \(policy(of: shard).trickleMs) ms"
    }
}
