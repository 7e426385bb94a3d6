// KeywayCommand: the command line's root. Without a subcommand it runs Keyway.
// Not here: running (Service), the flags (RunOptions).

import ArgumentParser
import Platform

struct KeywayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyway",
        abstract: "One port in front of many Valkey or Redis servers.",
        usage: """
            keyway [-c <file>] [<options>]
            keyway check <file>
            keyway explain [-c <file>] [--at <host:port>] [--pool <pool>] [--offline] <command> ...
            keyway plan <file> <newer file>
            keyway reload [-c <file>] [--admin <host:port>] [--allow-remap]
            keyway route [-c <file>] [--pool <pool>] [--json] [<key> ...]
            keyway stats|top [--admin <host:port>] [-c <file>]
            """,
        discussion: """
            Without a subcommand it runs until SIGTERM or SIGINT, which let requests in flight finish (drain_timeout); \
            a second one ends it at once. SIGHUP opens the log file anew, SIGUSR1 applies the config file as it is \
            now, and SIGUSR2 starts the program anew, which takes over all clients without losing a request. Exit \
            status: 0, 1 for a wrong config, 2 for a start that failed, 3 when ended at once, 64 for wrong arguments.
            """,
        version: "keyway \(keywayVersion)",
        subcommands: [
            CheckCommand.self, ExplainCommand.self, PlanCommand.self, ReloadCommand.self, RouteCommand.self,
            StatsCommand.self, TopCommand.self,
        ],
        helpNames: [.short, .long, .customShort("?")])

    @OptionGroup var source: ConfigSource
    @OptionGroup var options: RunOptions

    func validate() throws {
        if options.testsConfig && source.file == nil {
            throw ValidationError("-t needs -c FILE: there is nothing to test")
        }
    }

    func run() throws {
        if options.showsVersion { return Terminal.say("keyway \(keywayVersion)") }
        if options.describesStats { return Terminal.say(MetricList.text()) }
        if options.testsConfig { return try testConfig() }
        try serve()
    }

    /// As twemproxy, with the findings of `keyway check` before its verdict.
    private func testConfig() throws {
        guard let file = source.file else { preconditionFailure("KeywayCommand: validated without -c") }
        let report = CheckCommand.report(on: file)
        for line in report.output { Terminal.say(line) }
        for line in report.errors { Terminal.complain(line) }
        let isRight = report.errors.isEmpty
        Terminal.complain("keyway: configuration file '\(file)' syntax is \(isRight ? "ok" : "invalid")")
        if !isRight { throw ExitCode(ExitStatus.badConfig) }
    }

    private func serve() throws {
        Signals.takeOver()
        let job: Service.Job
        do {
            let settings = try source.settings()
            job = Service.Job(
                settings: settings, assembly: try Assembly(settings), options: options, configFile: source.file)
        } catch {
            Terminal.complain("\(error)")
            throw ExitCode(ExitStatus.badConfig)
        }
        let detached = options.detaches ? Detached.leaveSession() : nil
        if options.detaches && detached == nil && !Succession.isSuccessor {
            if options.logFile == nil {
                Terminal.complain("keyway: -d without -o: nobody will see the log; give -o FILE")
            }
            throw ExitCode(Detached.start())
        }
        if let hint = source.hint() { Terminal.complain("keyway: \(hint)") }
        do {
            try Service(job).run { detached.map(Detached.isServing) }
        } catch {
            Terminal.complain("keyway: \(error)")
            throw ExitCode(ExitStatus.failedStart)
        }
    }
}
