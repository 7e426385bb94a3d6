// HotKeySettings: what a pool does about keys that are asked for much more than others.
// Defaults, ranges and sentences are in SettingsTable; this is only their typed shape.

/// Part of one pool.
package struct HotKeySettings: Sendable, Equatable {
    package enum Mode: String, Sendable, Equatable, CaseIterable {
        case off, observe, cache, replicate
    }

    package var mode: Mode
    /// 0 means any.
    package var requestsPerSecondMin: Int
    /// Of the server's requests; 0 means any.
    package var sharePercentMin: Int
    /// 0 means any.
    package var readsPerWriteMin: Int
    package var keyCountMax: Int
    /// Empty: all keys.
    package var includedPrefixes: [String]
    package var excludedPrefixes: [String]
    package var copyBytesMax: Int
    package var replyBytesMax: Int
    package var lifeMsMax: Int
    package var leaseMs: Int
    package var spreadCount: Int
    /// 0 means not at all.
    package var staleMs: Int
}

/// Part of one pool: against many clients that miss one key at once, and keys that end together.
package struct StampedeSettings: Sendable, Equatable {
    /// Empty: no key is guarded.
    package var prefixes: [String]
    package var waitMs: Int
    package var leaseMs: Int
    package var waiterCountMax: Int
    package var refusesLateWrites: Bool
    /// 0: no key is brought anew before it ends.
    package var earlyPercent: Int
    /// 0: no value is given to readers after its key has ended.
    package var staleMs: Int
    package var staleSizeBytes: Int
    package var staleKeyCount: Int
    package var jitterPercent: Int
}

/// Part of one pool: which equal reads are sent once.
package enum CoalesceSetting: String, Sendable, Equatable, CaseIterable {
    case off, tick, inflight
}

extension SettingsReader {
    static func stampede(_ section: inout SettingsSection) -> StampedeSettings {
        StampedeSettings(
            prefixes: prefixes("stampede", &section), waitMs: section.number("stampede_wait"),
            leaseMs: section.number("stampede_lease"), waiterCountMax: section.number("stampede_waiters"),
            refusesLateWrites: section.word("stampede_late_writes") == "refuse",
            earlyPercent: section.number("stampede_early"), staleMs: section.number("stampede_stale"),
            staleSizeBytes: section.number("stampede_stale_size"),
            staleKeyCount: section.number("stampede_stale_keys"),
            jitterPercent: section.number("ttl_jitter"))
    }

    static func hotKeys(_ section: inout SettingsSection) -> HotKeySettings {
        HotKeySettings(
            mode: .init(rawValue: section.word("hot_keys"))!,
            requestsPerSecondMin: section.number("hot_key_rate"), sharePercentMin: section.number("hot_key_share"),
            readsPerWriteMin: section.number("hot_key_reads_per_write"), keyCountMax: section.number("hot_key_count"),
            includedPrefixes: prefixes("hot_key_include", &section),
            excludedPrefixes: prefixes("hot_key_exclude", &section), copyBytesMax: section.number("hot_key_copies"),
            replyBytesMax: section.number("hot_key_reply_limit"), lifeMsMax: section.number("hot_key_life"),
            leaseMs: section.number("hot_key_lease"), spreadCount: section.number("hot_key_spread"),
            staleMs: section.number("serve_stale"))
    }

    private static func prefixes(_ key: String, _ section: inout SettingsSection) -> [String] {
        (section.text(key) ?? "").split(separator: " ").map(String.init)
    }
}
