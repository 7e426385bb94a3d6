import ArgumentParser
import Testing

@testable import keyway

private func parsed<Command: ParsableCommand>(_ words: String...) throws -> Command {
    try #require(try KeywayCommand.parseAsRoot(words) as? Command)
}

/// What the user reads when `words` do not lead to a command that runs.
private func refusal(_ words: [String]) -> String {
    do {
        _ = try KeywayCommand.parseAsRoot(words)
        return ""
    } catch {
        return KeywayCommand.fullMessage(for: error)
    }
}

@Test func noArgumentsRunWithoutAConfig() throws {
    let command: KeywayCommand = try parsed()
    #expect(command.source.file == nil)
    #expect(!command.options.testsConfig && !command.options.detaches)
    #expect(command.options.withoutEffect.isEmpty)
}

/// Goal: an init script made for twemproxy starts Keyway.
@Test(arguments: [
    [
        "-d", "-c", "/etc/n.yml", "-v", "6", "-o", "/log", "-s", "22222", "-a", "::1", "-i", "30000", "-p", "/pid",
        "-m",
        "512",
    ],
    ["-d", "-c/etc/n.yml", "-v6", "-o/log", "-s22222", "-a::1", "-i30000", "-p/pid", "-m512"],
    [
        "--daemonize", "--conf-file=/etc/n.yml", "--verbose=6", "--output=/log", "--stats-port=22222",
        "--stats-addr=::1", "--stats-interval=30000", "--pid-file=/pid", "--mbuf-size=512",
    ],
])
func twemproxysFlagsArrive(_ words: [String]) throws {
    let command = try #require(try KeywayCommand.parseAsRoot(words) as? KeywayCommand)
    let options = command.options
    #expect(command.source.file == "/etc/n.yml")
    #expect((options.detaches, options.verbosity, options.logFile) == (true, 6, "/log"))
    #expect((options.statsPort, options.statsAddress, options.statsIntervalMs) == (22_222, "::1", 30_000))
    #expect((options.pidFile, options.mbufSizeBytes) == ("/pid", 512))
    #expect(options.withoutEffect.map { $0.prefix(2) } == ["-i", "-m"])
}

@Test func singleLetterFlagsCombine() throws {
    let command: KeywayCommand = try parsed("-tc", "f.yml")
    #expect(command.options.testsConfig && command.source.file == "f.yml")
    let other: KeywayCommand = try parsed("-VD")
    #expect(other.options.showsVersion && other.options.describesStats)
}

@Test(arguments: [
    (["-t"], "-t needs -c FILE"), (["-v", "-1"], "-v"), (["-s", "0"], "-s 0 is not a port; use 1...65535"),
    (["-s", "65536"], "65536"), (["-m", "511"], "512...16777216"), (["conf.yml"], "conf.yml"), (["-x"], "-x"),
    (["check"], "<file>"), (["check", "-c", "a", "b"], "-c is not for `keyway check`"),
    (["check", "-s", "1", "b"], "-s is not for `keyway check`"),
    (["route", "-d"], "-d is not for `keyway route`"), (["-p", "f", "route"], "-p is not for `keyway route`"),
    (["route", "--eject", "x"], "--eject"),
])
func wrongArgumentsAreNamed(_ words: [String], _ part: String) {
    let message = refusal(words)
    #expect(message.contains(part), "\(message)")
}

@Test func subcommandsTakeTheirOwnArguments() throws {
    let check: CheckCommand = try parsed("check", "f.yml")
    #expect(check.file == "f.yml")
    let route: RouteCommand = try parsed(
        "route", "-c", "f.yml", "--pool", "p", "--json", "--base64", "--eject", "1", "--eject", "0", "k", "--", "-c")
    #expect((route.source.file, route.pool, route.json, route.base64) == ("f.yml", "p", true, true))
    #expect(route.eject == [1, 0] && route.keys == ["k", "-c"])
}

@Test func keysMayBeNamedAsSubcommands() throws {
    let route: RouteCommand = try parsed("route", "check", "route")
    #expect(route.keys == ["check", "route"])
}

@Test func helpNamesEveryFlagAndWhatHasNoEffect() {
    let help = KeywayCommand.helpMessage(columns: 1_000)
    for flag in ["-h", "-V", "-t", "-d", "-D", "-v", "-o", "-c", "-s", "-i", "-a", "-p", "-m"] {
        #expect(help.contains("\n  \(flag)"), "\(flag)")
    }
    #expect(help.contains("statistics are off unless"))
    #expect(help.ranges(of: "without effect").count == 2)
    #expect(refusal(["-h"]) == refusal(["-?"]))
}
