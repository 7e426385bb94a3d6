// SharedState: the little that the workers of one process have in common. Nothing here is touched per request.
// Not here: counters (Telemetry), the messages between workers (Mailbox).

import Glibc
import Platform
import Synchronization
import Telemetry
import Upstream

final class SharedState: Sendable {
    let clientsMax: Int
    let startedAtNs: UInt64
    private let clientIDs: Atomic<Int>
    /// For the clients that are still taken in here while others are already taken in there.
    private static let idReserve = 65_536
    private let clientCount = Atomic<Int>(0)
    /// What a server said when it would not have us, or the resolver, by shard.
    private let refusals = Mutex<[ObjectIdentifier: String]>([:])
    private let boxes = Mutex<[Mailbox]>([])
    let resolver = Resolver()
    let census: ListenerCensus
    let scripts: ScriptStore
    let register = ShardRegister()
    let hotKeys: HotKeyBoard
    let misses: MissBoard
    let events: EventLog
    let slowLog: SlowLog
    let traces: TraceBoard
    private let monitors = Atomic<Int>(0)

    init(
        clientsMax: Int, lastClientID: Int = 0, events: EventLog = EventLog(),
        slowCountMax: Int = SlowLogOptions().countMax, hotKeys: HotKeyBoard = HotKeyBoard()
    ) {
        self.clientsMax = clientsMax
        startedAtNs = Clock.nowNs()
        clientIDs = Atomic(lastClientID)
        slowLog = SlowLog(capacity: slowCountMax)
        self.events = events
        self.hotKeys = hotKeys
        census = ListenerCensus()
        scripts = ScriptStore()
        misses = MissBoard()
        traces = TraceBoard()
    }

    /// For the generation of workers that follows: what all clients of the process share goes on.
    init(clientsMax: Int, slowCountMax: Int, following older: SharedState) {
        self.clientsMax = clientsMax
        startedAtNs = older.startedAtNs
        clientIDs = Atomic(older.lastClientIDForFollower)
        hotKeys = HotKeyBoard(following: older.hotKeys)
        events = older.events
        slowLog = older.slowLog
        slowLog.keep(slowCountMax)
        census = older.census
        scripts = older.scripts
        misses = older.misses
        traces = older.traces
    }

    // MARK: Clients

    func nextClientID() -> Int { clientIDs.add(1, ordering: .relaxed).newValue }

    /// Whoever follows, in this process or the next, goes on behind it.
    var lastClientIDForFollower: Int { clientIDs.load(ordering: .relaxed) + Self.idReserve }

    /// Counts a new client, in any case: `clientClosed` must follow.
    ///
    /// - Returns: false when there are more than `clientsMax`.
    func clientOpened() -> Bool { clientCount.add(1, ordering: .relaxed).newValue <= clientsMax }

    func clientClosed() { clientCount.subtract(1, ordering: .relaxed) }

    var connectedClients: Int { clientCount.load(ordering: .relaxed) }

    var uptimeSeconds: Int { Int((Clock.nowNs() - startedAtNs) / 1_000_000_000) }

    // MARK: Monitors

    var monitorCount: Int { monitors.load(ordering: .relaxed) }

    /// Tells all workers.
    func changeMonitorCount(by change: Int) {
        monitors.add(change, ordering: .relaxed)
        for box in mailboxes { box.post(.monitorsChanged) }
    }

    // MARK: Words of failure

    func remember(refusal: String, of shard: ShardName) {
        refusals.withLock { $0[ObjectIdentifier(shard)] = refusal }
    }

    func refusal(of shard: ShardName) -> String {
        refusals.withLock { $0[ObjectIdentifier(shard)] } ?? "no reason given"
    }

    // MARK: Workers

    /// One mailbox a worker, in the workers' order; set once before they start.
    var mailboxes: [Mailbox] {
        get { boxes.withLock { $0 } }
        set { boxes.withLock { $0 = newValue } }
    }
}
