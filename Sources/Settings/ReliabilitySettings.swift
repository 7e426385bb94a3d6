// ReliabilitySettings: what a pool does when a server is slow, lost, unwell or overloaded.
// Defaults, ranges and sentences are in SettingsTable; this is only their typed shape.

/// Part of one pool. Times in milliseconds.
package struct ReliabilitySettings: Sendable, Equatable {
    /// What becomes of the keys of a server that is down.
    package enum FailureMode: Sendable, Equatable {
        /// Their requests get errors.
        case failFast
        /// The other servers get them. `maxPercent`: of the servers that may be out at a time.
        case remap(maxPercent: Int, onReturn: Return)
        /// Another pool serves them, for as long as `ttlMs` each.
        case gutter(pool: String, ttlMs: Int)
    }

    /// What a server that comes back does with its old data.
    package enum Return: String, Sendable, Equatable, CaseIterable {
        case keep, flush, hold
    }

    package enum Role: String, Sendable, Equatable, CaseIterable {
        case any, primary, replica
    }

    /// Nil: as `timeout`.
    package var readTimeoutMs: Int?
    package var writeTimeoutMs: Int?
    package var scriptTimeoutMs: Int?
    /// 0 means no limit of its own.
    package var queueTimeoutMs: Int
    package var failureMode: FailureMode
    /// 0 means that failures in a row never stop requests.
    package var breakerFailureCountMax: Int
    /// 0 means that their share never does.
    package var breakerErrorPercentMax: Int
    package var breakerWindowMs: Int
    package var breakerRequestCountMin: Int
    /// 0 means that slow replies never do.
    package var breakerLatencyMsMax: Int
    package var breakerOpenMs: Int
    /// At least `breakerOpenMs`.
    package var breakerOpenMsMax: Int
    package var breakerTrickleMs: Int
    /// 0 means never.
    package var checkIntervalMs: Int
    package var checksToOpen: Int
    package var checksToClose: Int
    /// 0 means only when a connection is made.
    package var hostRefreshMs: Int
    package var expectedRole: Role
    package var retryPercent: Int
    package var retriesPerSecond: Int
    package var hedgesReads: Bool
    package var shedsOldest: Bool
    package var followsSpeed: Bool
}

extension SettingsReader {
    static func reliability(_ section: inout SettingsSection) -> ReliabilitySettings {
        let ejects = section.boolean("auto_eject_hosts")
        // All are read, so that a value out of range is found wherever it stands.
        let failureCountMax = section.number("breaker_failures")
        let openMs = section.number("breaker_open")
        let ejectFailureCountMax = section.number("server_failure_limit")
        let ejectMs = section.number("server_retry_timeout")
        let settings = ReliabilitySettings(
            readTimeoutMs: optional("timeout_reads", &section), writeTimeoutMs: optional("timeout_writes", &section),
            scriptTimeoutMs: optional("timeout_scripts", &section), queueTimeoutMs: section.number("queue_timeout"),
            failureMode: failureMode(&section, ejects: ejects),
            breakerFailureCountMax: ejects ? ejectFailureCountMax : failureCountMax,
            breakerErrorPercentMax: section.number("breaker_error_percent"),
            breakerWindowMs: section.number("breaker_window"),
            breakerRequestCountMin: section.number("breaker_requests_min"),
            breakerLatencyMsMax: section.number("breaker_latency"),
            breakerOpenMs: ejects ? ejectMs : openMs,
            breakerOpenMsMax: section.number("breaker_open_max"),
            breakerTrickleMs: section.number("breaker_trickle"),
            checkIntervalMs: section.number("health_check_interval"),
            checksToOpen: section.number("health_check_failures"),
            checksToClose: section.number("health_check_successes"),
            hostRefreshMs: section.number("host_refresh"),
            expectedRole: .init(rawValue: section.word("expect_role"))!,
            retryPercent: section.number("retry_percent"), retriesPerSecond: section.number("retries_per_second"),
            hedgesReads: section.boolean("hedge_reads"), shedsOldest: section.word("when_full") == "shed_oldest",
            followsSpeed: section.word("server_in_flight") == "adaptive")
        if !ejects {
            requireOrder(
                "breaker_open", settings.breakerOpenMs, "breaker_open_max", settings.breakerOpenMsMax, { "\($0)" },
                &section)
        }
        return settings
    }

    private static func optional(_ key: String, _ section: inout SettingsSection) -> Int? {
        section.has(key) ? section.number(key) : nil
    }

    private static func failureMode(_ section: inout SettingsSection, ejects: Bool) -> ReliabilitySettings.FailureMode {
        let word = section.word("on_failure")
        let ttlMs = section.number("gutter_ttl")
        let remap = ReliabilitySettings.FailureMode.remap(
            maxPercent: section.number("eject_max_percent"),
            onReturn: .init(rawValue: section.word("eject_return"))!)
        if ejects {
            if section.has("on_failure"), word != "remap" {
                section.note(
                    "on_failure", "\(word) and auto_eject_hosts: true ask for different things",
                    "remove one of the two lines; auto_eject_hosts: true means on_failure: remap")
            }
            return remap
        }
        switch word {
        case "remap": return remap
        case "gutter":
            guard let pool = section.text("gutter") else {
                section.note("on_failure", "gutter needs another pool, and none is named", "add gutter: with its name")
                return .failFast
            }
            return .gutter(pool: pool, ttlMs: ttlMs)
        default: return .failFast
        }
    }
}
