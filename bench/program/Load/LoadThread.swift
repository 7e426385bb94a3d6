// LoadThread: one thread of the load: its connections, its loop, and the stages that it goes through.
//
//   connecting ─► waiting ─► [filling ─► waiting] ─► running ─► draining ─► ended
//
// In `running` the clock is read once an event and once a turn of the loop; nothing is allocated, locked or called
// indirectly for a request. An operation belongs to the window in which it starts, however late its answer comes.
// Not here: connecting (+Connections), sending (+Sending), receiving (+Replies), pub/sub (+Deliveries).

import Platform
import Wire

struct LoadThread<Source: RequestSource & ~Copyable>: ~Copyable {
    enum Stage {
        case connecting, waiting, filling, running, draining, ended
    }
    static var scratchBytes: Int { 262_144 }
    static var wakeTag: UInt64 { .max }
    /// Operations of one batch of a fill, which is closed at this many bytes.
    static var fillBatchCount: Int { 32 }
    static var fillBatchBytes: Int { 65_536 }
    private static var lonelyNs: UInt64 { 10_000_000_000 }

    let options: LoadOptions
    let control: PhaseControl
    let threadIndex: Int
    let address: SocketAddress
    let greetings: Greetings
    var source: Source
    let poller: Poller

    /// Publishers, or ordinary clients, first; subscribers behind them.
    let connections: UnsafeMutablePointer<Connection>
    let connectionCount: Int
    let clientCount: Int
    /// Index of this thread's first client among all threads'.
    let firstClient: Int
    let firstSubscriber: Int
    /// Where sockets are received into; before it there is room for what was left over.
    let scratch: UnsafeMutablePointer<UInt8>
    let needsWholeReplies: Bool
    let isOpen: Bool

    var stage = Stage.connecting
    var nowNs: UInt64 = 0
    var tally: Tally
    var stepIndex: Int?

    /// Connections that connect or greet, are ready, and have been tried once.
    var connectingCount = 0
    var readyCount = 0
    var triedCount = 0
    var deadCount = 0
    private var lastReadyNs: UInt64 = 0
    var nextToConnect = 0
    var retryDueNs = UInt64.max
    var expiryNs = UInt64.max

    var startNs = UInt64.max
    var windowStartNs = UInt64.max
    var windowEndNs = UInt64.max
    var drainEndNs = UInt64.max
    var inFlightCount = 0
    /// The source, or the window's count, has no more.
    var isExhausted = false

    var schedule: Schedule?
    var hasOpenedWindow = false
    /// Something is due and no place is free for it.
    var isBacklogged = false
    /// Connections with a free place, in the order in which they take turns; and those with bytes to send.
    var line: IndexQueue
    var unsent: IndexQueue
    /// Of the whole window, unlike the tally's.
    var expectedDeliveryCount: UInt64 = 0
    var deliveryCount: UInt64 = 0

    init(
        source: consuming Source, poller: consuming Poller, options: LoadOptions, control: PhaseControl,
        threadIndex: Int, address: SocketAddress
    ) {
        let share = ConnectionShare(options, threadIndex)
        self.options = options
        self.control = control
        self.threadIndex = threadIndex
        self.address = address
        greetings = Greetings(options)
        firstSubscriber = share.firstSubscriber
        needsWholeReplies = source.needsWholeReplies
        self.source = source
        self.poller = poller
        firstClient = share.firstClient
        clientCount = share.clientCount
        connectionCount = share.clientCount + share.subscriberCount
        connections = .allocate(capacity: max(1, connectionCount))
        let inFlightCountMax = max(options.pipeline, options.fills ? Self.fillBatchCount : 1)
        for index in 0..<connectionCount {
            (connections + index).initialize(to: Connection(inFlightCountMax: inFlightCountMax))
        }
        scratch = .allocate(capacity: Connection.leftoverBytesMax + Self.scratchBytes)
        tally = Tally(names: control.names)
        line = IndexQueue(capacity: connectionCount)
        unsent = IndexQueue(capacity: connectionCount)
        isOpen = options.pace != .closed
        if case .open(let ratePerS, let arrivals) = options.pace {
            schedule = Schedule(
                ratePerS: ratePerS, arrivals: arrivals, threadIndex: threadIndex, threadCount: options.threadCount,
                seed: options.seed)
        }
    }

    deinit {
        for index in 0..<connectionCount where connections[index].descriptor >= 0 {
            Socket.close(connections[index].descriptor)
        }
        connections.deinitialize(count: connectionCount)
        connections.deallocate()
        scratch.deallocate()
    }

    // MARK: The loop

    mutating func run() {
        WorkerThread.setExactNaps()
        nowNs = Clock.nowNs()
        connectMore()
        while stage != .ended {
            let readyCount = poller.wait(timeoutNs: waitNs())
            nowNs = Clock.nowNs()
            for index in 0..<readyCount { serve(poller.readiness(at: index)) }
            attend()
        }
    }

    private mutating func waitNs() -> UInt64 {
        var untilNs = min(retryDueNs, expiryNs)
        switch stage {
        case .connecting, .waiting, .filling: untilNs = min(untilNs, nowNs + 50_000_000)
        case .running:
            untilNs = min(untilNs, windowEndNs, nextHandoverNs)
            if isOpen {
                if line.count > 0, !isExhausted { untilNs = min(untilNs, nextDueNs ?? .max) }
                // Sending took a while since it was read.
                nowNs = Clock.nowNs()
            }
        case .draining: untilNs = min(untilNs, drainEndNs, nowNs + 10_000_000)
        case .ended: untilNs = 0
        }
        return untilNs > nowNs ? min(untilNs - nowNs, 1_000_000_000) : 0
    }

    private mutating func serve(_ event: Readiness) {
        if event.tag == Self.wakeTag { return control.wakeup(of: threadIndex).clear() }
        let index = Int(event.tag)
        let connection = connections + index
        // Closed by an event before this one.
        if connection.pointee.descriptor < 0 { return }
        if connection.pointee.state == .connecting { return finishConnecting(index) }
        if event.isReadable || event.isBroken { receive(index) }
        if event.isWritable, connection.pointee.descriptor >= 0, connection.pointee.watchesWrite { flush(index) }
    }

    /// What is to be done once a turn.
    private mutating func attend() {
        if nowNs >= expiryNs { expire() }
        if control.stage == .ended { return end() }
        switch stage {
        case .connecting:
            connectMore()
            if triedCount == connectionCount { arrive() }
        case .waiting: follow(control.stage)
        case .filling: if isExhausted, inFlightCount == 0 { finishFilling() }
        case .running: attendRun()
        case .draining:
            if nowNs >= drainEndNs || (inFlightCount == 0 && hasDelivered()) { end() }
        case .ended: return
        }
        if nowNs >= retryDueNs, stage != .connecting { retry() }
    }

    private mutating func attendRun() {
        windowEndNs = control.windowEndNs
        if nowNs >= nextHandoverNs { handOver() }
        if isOpen { dispatch() }
        if readyCount > 0 { lastReadyNs = nowNs }
        // A run that ends by count would wait for ever for a server that is gone.
        let isLonely = windowEndNs == .max && nowNs &- max(lastReadyNs, startNs) > Self.lonelyNs && nowNs > startNs
        if nowNs >= windowEndNs || isExhausted || isLonely || deadCount == connectionCount { drain() }
    }

    // MARK: Stages

    private mutating func arrive() {
        stage = .waiting
        handOver()
        reportReady { $0.hasArrived = true }
    }

    private mutating func follow(_ stage: PhaseControl.Stage) {
        switch stage {
        case .connecting, .ended: return
        case .filling:
            // Once only: the coordinator waits for all before it goes on.
            guard !hasFilled else { return }
            self.stage = .filling
        case .running:
            startNs = control.startNs
            windowStartNs = control.windowStartNs
            windowEndNs = control.windowEndNs
            self.stage = .running
            // Before the first answer can come: it belongs to the first step.
            nowNs = Clock.nowNs()
            if nowNs >= windowStartNs { handOver() }
        }
        isExhausted = false
        for index in 0..<clientCount where connections[index].state == .ready { feed(index) }
    }

    private(set) var hasFilled = false

    private mutating func finishFilling() {
        stage = .waiting
        hasFilled = true
        handOver()
        reportReady { $0.hasFilled = true }
    }

    private mutating func drain() {
        stage = .draining
        // In a window that ends by time, what was due and found no place.
        if schedule != nil, nowNs >= windowEndNs, windowEndNs > startNs, control.hasClaims {
            schedule!.skip(to: windowStartNs - startNs)
            tally.unsentCount += schedule!.countSkipped(to: windowEndNs - startNs)
        }
        drainEndNs = nowNs + options.drainNs
        if inFlightCount == 0 && hasDelivered() { end() }
    }

    private mutating func end() {
        if stage == .ended { return }
        for index in 0..<clientCount { countUnanswered(index) }
        stage = .ended
        if stepIndex == nil, windowStartNs <= nowNs { stepIndex = 0 }
        handOver()
        reportReady { $0.hasEnded = true }
    }

    private mutating func countUnanswered(_ index: Int) {
        while connections[index].inFlight.count > 0 {
            let entry = connections[index].inFlight.first.pointee
            if isInWindow(entry.startNs) {
                tally.unansweredCount += 1
                tally.recordError(kind: Int(entry.operation.kind))
                tally.add(error: "unanswered") {
                    "no answer within \(options.drainNs / 1_000_000) ms after the end of the window"
                }
            }
            source.abandon(entry.operation)
            connections[index].inFlight.removeFirst()
            inFlightCount -= 1
        }
    }

    private func reportReady(_ change: (inout PhaseControl.Progress) -> Void) {
        let readyCount = readyCount
        control.report(threadIndex) {
            $0.readyCount = readyCount
            change(&$0)
        }
    }

    // MARK: Counting

    @inline(__always)
    func isInWindow(_ timeNs: UInt64) -> Bool { timeNs >= windowStartNs && timeNs < windowEndNs }

    /// The end of the timeline's step under way; before the window, the window's start.
    private var nextHandoverNs: UInt64 {
        guard let stepIndex else { return windowStartNs }
        return windowStartNs &+ UInt64(stepIndex + 1) &* options.intervalNs
    }

    private mutating func handOver() {
        tally = control.hand(over: tally, stepIndex: stepIndex)
        if stage == .running { stepIndex = Int((nowNs - windowStartNs) / options.intervalNs) }
    }
}
