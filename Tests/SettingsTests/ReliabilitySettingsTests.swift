import Testing

@testable import Settings

private func reliability(_ lines: String...) throws -> ReliabilitySettings {
    let text = ["p:", "  listen: h:1", "  servers:", "   - h:6379:1"] + lines.map { "  \($0)" }
    return try Settings.parse(text: text.joined(separator: "\n"), fileName: "k.yml").pools[0].reliability
}

private func findings(_ text: String) -> [String] {
    do {
        return try Settings.parse(text: text, fileName: "k.yml").warnings.map(\.description)
    } catch {
        return ["\(error)"]
    }
}

private let other = """
    p:
      listen: h:1
      servers:
       - h:6379:1
      on_failure: gutter
      gutter: spare
    spare:
      listen: h:2
      servers:
       - h:6380:1

    """

@Test func aPoolsReliabilityHasTheDocumentedDefaults() throws {
    let settings = try reliability()
    #expect(settings.failureMode == .failFast)
    #expect((settings.readTimeoutMs, settings.writeTimeoutMs, settings.scriptTimeoutMs) == (nil, nil, nil))
    #expect((settings.queueTimeoutMs, settings.checkIntervalMs, settings.hostRefreshMs) == (0, 10_000, 10_000))
    #expect((settings.breakerFailureCountMax, settings.breakerErrorPercentMax) == (5, 50))
    #expect((settings.breakerWindowMs, settings.breakerRequestCountMin) == (10_000, 20))
    #expect(settings.breakerLatencyMsMax == 0)
    #expect((settings.breakerOpenMs, settings.breakerOpenMsMax, settings.breakerTrickleMs) == (1_000, 30_000, 1_000))
    #expect((settings.checksToOpen, settings.checksToClose, settings.expectedRole) == (3, 1, .any))
    #expect((settings.retryPercent, settings.retriesPerSecond) == (20, 10))
    #expect((settings.hedgesReads, settings.shedsOldest, settings.followsSpeed) == (false, false, false))
}

@Test func everyReliabilityKeyIsRead() throws {
    let settings = try reliability(
        "timeout_reads: 1", "timeout_writes: 2", "timeout_scripts: 0", "queue_timeout: 3", "on_failure: remap",
        "eject_max_percent: 30", "eject_return: hold", "breaker_failures: 4", "breaker_error_percent: 5",
        "breaker_window: 6000", "breaker_requests_min: 7", "breaker_latency: 8", "breaker_open: 9",
        "breaker_open_max: 10", "breaker_trickle: 11", "health_check_interval: 12", "health_check_failures: 13",
        "health_check_successes: 14",
        "host_refresh: 17", "expect_role: primary", "retry_percent: 15", "retries_per_second: 16",
        "hedge_reads: true", "when_full: shed_oldest", "server_in_flight: adaptive")
    #expect(
        settings
            == ReliabilitySettings(
                readTimeoutMs: 1, writeTimeoutMs: 2, scriptTimeoutMs: 0, queueTimeoutMs: 3,
                failureMode: .remap(maxPercent: 30, onReturn: .hold), breakerFailureCountMax: 4,
                breakerErrorPercentMax: 5, breakerWindowMs: 6_000, breakerRequestCountMin: 7, breakerLatencyMsMax: 8,
                breakerOpenMs: 9, breakerOpenMsMax: 10, breakerTrickleMs: 11, checkIntervalMs: 12, checksToOpen: 13,
                checksToClose: 14,
                hostRefreshMs: 17, expectedRole: .primary, retryPercent: 15, retriesPerSecond: 16, hedgesReads: true,
                shedsOldest: true,
                followsSpeed: true))
}

@Test func twemproxysNamesMeanRemap() throws {
    let settings = try reliability("auto_eject_hosts: true", "server_failure_limit: 3", "server_retry_timeout: 400")
    #expect(settings.failureMode == .remap(maxPercent: 50, onReturn: .keep))
    #expect((settings.breakerFailureCountMax, settings.breakerOpenMs) == (3, 400))
    #expect(try reliability("server_failure_limit: 3").breakerFailureCountMax == 5, "without it they say nothing")
}

@Test func aGutterIsAnotherPool() throws {
    let settings = try Settings.parse(text: other, fileName: "k.yml")
    #expect(settings.pools[0].reliability.failureMode == .gutter(pool: "spare", ttlMs: 10_000))
}

@Test(arguments: [
    (other.replacing("gutter: spare", with: "gutter: p"), "p.gutter: \"p\" is not another pool of this file"),
    (other.replacing("gutter: spare", with: "gutter: none"), "use one of spare"),
    (other.replacing("  gutter: spare\n", with: ""), "gutter needs another pool, and none is named"),
    (other + "  on_failure: gutter\n  gutter: p\n", "pool spare has a gutter itself"),
    (
        other.replacing("on_failure: gutter", with: "on_failure: gutter\n  auto_eject_hosts: true"),
        "gutter and auto_eject_hosts: true ask for different things"
    ),
    (
        other.replacing("on_failure: gutter", with: "on_failure: remap"),
        "a server that returns has old values of the keys that were written elsewhere meanwhile"
    ),
    (other + "  breaker_open: 31000\n", "breaker_open"),
])
func whatDoesNotFitTogetherIsSaid(text: String, finding: String) {
    #expect(findings(text).contains { $0.contains(finding) }, "\(findings(text))")
}
