// RunOptions: what the command that runs Keyway takes: twemproxy's flags, by its short and its long names.
// `-c` is in ConfigSource. What has no effect here is accepted and said, so that a command line of twemproxy works.

import ArgumentParser

struct RunOptions: ParsableArguments {
    @Flag(name: [.customShort("t"), .customLong("test-conf")], help: "Test the config file of -c and exit.")
    var testsConfig = false

    @Flag(name: [.customShort("d"), .customLong("daemonize")], help: "Run in the background, once the start worked.")
    var detaches = false

    @Flag(name: [.customShort("D"), .customLong("describe-stats")], help: "List what Keyway counts and exit.")
    var describesStats = false

    @Flag(name: .customShort("V"), help: "Show the version.")
    var showsVersion = false

    @Option(
        name: [.customShort("v", allowingJoined: true), .customLong("verbose")],
        help: ArgumentHelp(
            """
            How much is logged, 0...11: 0-2 critical, 3 error, 4 warning, 5 notice, 6 info, 7 debug, 8 and up trace. \
            Without it the config's log_level counts (notice). SIGTTIN and SIGTTOU change it by one level.
            """, valueName: "n"))
    var verbosity: Int?

    @Option(
        name: [.customShort("o", allowingJoined: true), .customLong("output")],
        help: ArgumentHelp("Log file, instead of standard error. SIGHUP opens it anew.", valueName: "file"),
        completion: .file())
    var logFile: String?

    @Option(
        name: [.customShort("s", allowingJoined: true), .customLong("stats-port")],
        help: ArgumentHelp(
            """
            Port of the statistics, as twemproxy's. Unlike there, statistics are off unless -s, -a or the config's \
            stats_listen asks for them.
            """, valueName: "port"))
    var statsPort: Int?

    @Option(
        name: [.customShort("a", allowingJoined: true), .customLong("stats-addr")],
        help: ArgumentHelp(
            "Address of the statistics. Default: that of stats_listen, else 0.0.0.0.", valueName: "address"))
    var statsAddress: String?

    @Option(
        name: [.customShort("i", allowingJoined: true), .customLong("stats-interval")],
        help: ArgumentHelp("Accepted, without effect: the statistics are always of the moment.", valueName: "ms"))
    var statsIntervalMs: Int?

    @Option(
        name: [.customShort("p", allowingJoined: true), .customLong("pid-file")],
        help: ArgumentHelp("Where to write the process id; removed at exit.", valueName: "file"), completion: .file())
    var pidFile: String?

    @Option(
        name: [.customShort("m", allowingJoined: true), .customLong("mbuf-size")],
        help: ArgumentHelp("Accepted, without effect: buffers grow and shrink by themselves.", valueName: "bytes"))
    var mbufSizeBytes: Int?

    func validate() throws {
        if let verbosity, verbosity < 0 {
            throw ValidationError("-v \(verbosity) is below 0; use 0...\(Verbosity.max)")
        }
        if let statsPort, !(1...65_535).contains(statsPort) {
            throw ValidationError("-s \(statsPort) is not a port; use 1...65535")
        }
        if let statsIntervalMs, statsIntervalMs < 0 { throw ValidationError("-i \(statsIntervalMs) is below 0") }
        if let mbufSizeBytes, !(512...16_777_216).contains(mbufSizeBytes) {
            throw ValidationError("-m \(mbufSizeBytes) is not a size that twemproxy takes: 512...16777216")
        }
    }

    /// Subcommands see these options, too, but would not follow them.
    func refuse(for command: String, withConfig: Bool) throws {
        let given: [(String, Bool)] = [
            ("-c", withConfig), ("-t", testsConfig), ("-d", detaches), ("-D", describesStats), ("-V", showsVersion),
            ("-v", verbosity != nil), ("-o", logFile != nil), ("-s", statsPort != nil), ("-a", statsAddress != nil),
            ("-i", statsIntervalMs != nil), ("-p", pidFile != nil), ("-m", mbufSizeBytes != nil),
        ]
        guard let (flag, _) = given.first(where: \.1) else { return }
        throw ValidationError("\(flag) is not for `keyway \(command)`; see `keyway \(command) --help`")
    }

    /// What was given and does nothing, for the log.
    var withoutEffect: [String] {
        var lines: [String] = []
        if statsIntervalMs != nil { lines.append("-i has no effect: the statistics are always of the moment") }
        if mbufSizeBytes != nil { lines.append("-m has no effect: buffers grow and shrink by themselves") }
        return lines
    }
}
