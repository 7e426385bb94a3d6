// PaceOptions: the options that say how much load there is, how fast, and for how long.

import ArgumentParser
import Platform

struct PaceOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .long], help: ArgumentHelp("Connections, over all threads.", valueName: "n"))
    var clients = 50

    @Option(
        name: [.customShort("P"), .long],
        help: ArgumentHelp(
            "Requests that a client sends at once; with --rate, the most that it has in flight.", valueName: "n"))
    var pipeline: Int?

    @Option(help: ArgumentHelp("Threads of the load.", valueName: "n"))
    var threads = 1

    @Option(help: ArgumentHelp("How long each target is measured in each round: 10, 500ms, 2m.", valueName: "time"))
    var duration: String?

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("Measure this many requests instead of a time.", valueName: "n"))
    var requests: Int?

    @Option(help: ArgumentHelp("Load before the measurement. (default: 1s)", valueName: "time"))
    var warmup: String?

    @Option(help: ArgumentHelp("Rounds: A B, B A, A B ... over all targets.", valueName: "n"))
    var rounds = 1

    @Option(
        help: ArgumentHelp(
            """
            Open loop: this many requests a second, whatever is answered. Latency counts from the moment at which a \
            request was due, so that a stall of the server is seen in full.
            """, valueName: "per second"))
    var rate: Double?

    @Option(help: ArgumentHelp("With --rate: even or poisson.", valueName: "kind"))
    var arrivals: LoadOptions.Arrivals?

    @Option(name: .customLong("interval-ms"), help: ArgumentHelp("Step of the timeline.", valueName: "ms"))
    var intervalMs = 500

    @Option(
        name: .customLong("drain-ms"),
        help: ArgumentHelp("How long answers are waited for when the time is over.", valueName: "ms"))
    var drainMs = 2000

    @Flag(name: .customLong("no-reconnect"), help: "A lost connection stays lost.")
    var staysLost = false

    private static let durationDefault = "10s"
    /// Of each of the many steps.
    private static let searchDurationDefault = "3s"
    /// Connections of the reports, the poller, the probe.
    private static let descriptorReserve = 32

    func check(descriptorLimit: Int, subscribers: Int) throws(UsageError) {
        try check("-c", clients, 1...1_000_000)
        try check("-P", pipeline ?? 1, 1...100_000)
        try check("--threads", threads, 1...256)
        try check("--rounds", rounds, 1...1000)
        try check("--interval-ms", intervalMs, 10...60_000)
        try check("--drain-ms", drainMs, 0...600_000)
        if let requests { try check("-n", requests, 1...1_000_000_000_000) }
        guard threads <= clients else {
            throw UsageError("--threads \(threads) is more than -c \(clients): each thread needs a client")
        }
        let places = clients * (pipeline ?? 1)
        guard places <= 50_000_000 else {
            throw UsageError(
                "-c \(clients) times -P \(pipeline ?? 1) is \(places) requests in flight; at most 50000000")
        }
        let needed = clients + subscribers + 2 * threads + Self.descriptorReserve
        guard needed <= descriptorLimit else {
            throw UsageError(
                "-c \(clients) needs \(needed) open files and the system allows \(descriptorLimit); use fewer "
                    + "clients or raise the limit (ulimit -n)")
        }
        if let rate, !(rate > 0 && rate <= 1e8) {
            throw UsageError("--rate \(rate) is not above 0 and up to 100000000")
        }
        if arrivals != nil, rate == nil { throw UsageError("--arrivals needs --rate") }
        if duration != nil, requests != nil { throw UsageError("--duration and -n both say when to end; use one") }
    }

    private func check(_ name: String, _ number: Int, _ range: ClosedRange<Int>) throws(UsageError) {
        guard range.contains(number) else {
            throw UsageError("\(name) \(number) is outside of \(range.lowerBound) to \(range.upperBound)")
        }
    }

    func window(isSearch: Bool) throws(UsageError) -> LoadOptions.Window {
        if let requests { return .requests(requests) }
        let text = duration ?? (isSearch ? Self.searchDurationDefault : Self.durationDefault)
        let ns = try Self.time("--duration", text)
        guard ns >= 10_000_000 else { throw UsageError("--duration \(text) is below the minimum of 10ms") }
        return .duration(ns: ns)
    }

    func warmupNs() throws(UsageError) -> UInt64 { try Self.time("--warmup", warmup ?? "1s") }

    private static func time(_ option: String, _ text: String) throws(UsageError) -> UInt64 {
        guard let ns = DurationText.ns(text) else {
            throw UsageError("\(option) \(text) is no time up to ten days; use 10, 1.5s, 500ms, 2m or 1h")
        }
        return ns
    }
}

extension LoadOptions.Arrivals: ExpressibleByArgument {}
