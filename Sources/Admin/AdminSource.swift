// AdminSource: what the admin port is told by the program: the counters, and doors to what only the rooms beside this
// one know. Every door is called on the admin port's own thread and may wait a moment.
// Not here: how it is shown (Overview, AdminDesk).

package import Telemetry

package struct AdminSource: Sendable {
    /// What can be done to a shard.
    package enum ShardAction: String, Sendable, CaseIterable {
        case eject, readmit
    }

    package struct Outcome: Sendable {
        package let isDone: Bool
        package let text: String

        package init(isDone: Bool, text: String) {
            self.isDone = isDone
            self.text = text
        }
    }

    /// Those of the workers that serve now; others after a reload.
    package let counters: @Sendable () -> Counters
    package let facts: @Sendable () -> ProcessFacts
    package let pools: @Sendable () -> [Overview.PoolFacts]
    package let hotKeys: @Sendable () -> [Overview.HotKey]
    package let events: @Sendable (Int) -> [Event]
    package let slowLog: @Sendable (Int) -> [(number: Int, request: SlowRequest)]
    /// Nil: there is no such pool, or it gives keys to no certain shard.
    package let route: @Sendable (_ pool: String, _ key: [UInt8]) -> Overview.Route?
    /// Which shard has each of evenly spaced places on the ring.
    package let ring: @Sendable (_ pool: String, _ count: Int) -> [Int]?
    package let logLevel: @Sendable () -> String
    /// Nil: there is no such level.
    package let setLogLevel: @Sendable (String) -> Outcome?
    /// Nil: there is no such pool or shard.
    package let act: @Sendable (ShardAction, _ pool: String, _ shard: String) -> Outcome?
    /// Applies the config file as it is now; the text has a line for each change, or each reason why there is none.
    package let reload: @Sendable (_ mayMoveKeys: Bool) -> Outcome

    package init(
        counters: @escaping @Sendable () -> Counters, facts: @escaping @Sendable () -> ProcessFacts,
        pools: @escaping @Sendable () -> [Overview.PoolFacts],
        hotKeys: @escaping @Sendable () -> [Overview.HotKey], events: @escaping @Sendable (Int) -> [Event],
        slowLog: @escaping @Sendable (Int) -> [(number: Int, request: SlowRequest)],
        route: @escaping @Sendable (String, [UInt8]) -> Overview.Route?,
        ring: @escaping @Sendable (String, Int) -> [Int]?, logLevel: @escaping @Sendable () -> String,
        setLogLevel: @escaping @Sendable (String) -> Outcome?,
        act: @escaping @Sendable (ShardAction, String, String) -> Outcome?,
        reload: @escaping @Sendable (Bool) -> Outcome
    ) {
        self.counters = counters
        self.facts = facts
        self.pools = pools
        self.hotKeys = hotKeys
        self.events = events
        self.slowLog = slowLog
        self.route = route
        self.ring = ring
        self.logLevel = logLevel
        self.setLogLevel = setLogLevel
        self.act = act
        self.reload = reload
    }
}
