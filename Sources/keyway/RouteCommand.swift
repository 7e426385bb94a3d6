// RouteCommand: `keyway route`: which server a config gives each key to. Starts nothing, connects to nothing.
// Not here: the lines themselves (KeyRoutes).

import ArgumentParser
import Glibc
import Hashing
import Platform
import Settings

/// What was asked that a config cannot answer; one line for people.
struct RouteError: Error, CustomStringConvertible, Equatable {
    let description: String
}

struct RouteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "Print the server of each key.",
        discussion: """
            Keys come from the arguments or, when there are none, from standard input, one a line. The plain form is \
            "KEY SERVER"; with --json it is {"key":...,"server":"the line of the config file","index":its position \
            there, from 0}. In JSON, bytes of a key that are not UTF-8 become U+FFFD, and a field "base64" then holds \
            the whole key. With --base64 keys are read and shown in base64. Write -- before a key that begins with -.
            """)

    @ParentCommand var parent: KeywayCommand
    @OptionGroup var source: ConfigSource

    @Option(help: "The pool; may be left out when there is only one.")
    var pool: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "Keys are in base64, for binary ones.")
    var base64 = false

    @Option(
        parsing: .singleValue,
        help: ArgumentHelp(
            "Leave out the server at this position, from 0; may be given again.", valueName: "index"))
    var eject: [Int] = []

    @Argument(help: "The keys; none reads them from standard input.")
    var keys: [String] = []

    func validate() throws { try parent.options.refuse(for: "route", withConfig: false) }

    func run() throws {
        let routes: KeyRoutes
        do {
            let assembly = try Assembly(try source.settings())
            routes = try self.routes(assembly)
        } catch {
            Terminal.complain("\(error)")
            throw ExitCode(ExitStatus.badConfig)
        }
        var sink = Output()
        if !keys.isEmpty {
            for key in keys { try sink.route(Array(key.utf8)[...], routes) }
        } else {
            if isatty(STDIN_FILENO) == 1 { Terminal.complain("keyway route: type keys, one a line; end with Ctrl-D") }
            var lines = LineInput(descriptor: STDIN_FILENO)
            while let key = lines.next() { try sink.route(key, routes) }
            if lines.failure != 0 {
                try sink.flush()
                Terminal.complain("keyway route: standard input: \(String(cString: strerror(lines.failure)))")
                throw ExitCode(ExitStatus.badConfig)
            }
        }
        try sink.flush()
    }

    /// The routes of the pool that is asked for, without the servers that are ejected.
    func routes(_ assembly: Assembly) throws(RouteError) -> KeyRoutes {
        let layout = try PoolChoice(command: "route", pool: pool).chosen(of: assembly.pools)
        let name = layout.settings.name
        guard layout.distribution != .random else {
            throw RouteError(
                description: "keyway route: pool \(name) has distribution random: no key has a server of its own")
        }
        let last = layout.servers.count - 1
        if let wrong = eject.first(where: { !layout.servers.indices.contains($0) }) {
            throw RouteError(
                description: "keyway route: --eject \(wrong): pool \(name) has servers 0...\(last), in file order")
        }
        let excluded = Set(eject)
        guard excluded.count <= last else {
            throw RouteError(description: "keyway route: --eject: no server of pool \(name) is left; eject fewer")
        }
        return KeyRoutes(
            placement: excluded.isEmpty ? layout.placement : layout.placement(excluding: excluded),
            texts: layout.servers.map(\.text), form: json ? .json : .plain, isBase64: base64)
    }

    /// Collects lines, because a write for each would cost more than finding the server.
    private struct Output {
        private static let sizeBytes = 1 << 18

        private var bytes: [UInt8] = []
        private var lineCount = 0

        mutating func route(_ key: ArraySlice<UInt8>, _ routes: KeyRoutes) throws {
            lineCount += 1
            do {
                try routes.append(key, to: &bytes)
            } catch {
                try flush()
                let shown = String(decoding: key.prefix(80), as: UTF8.self).debugDescription
                Terminal.complain("keyway route: key \(lineCount), \(shown), is not base64; leave --base64 out?")
                throw ExitCode(ExitStatus.badConfig)
            }
            if bytes.count >= Self.sizeBytes { try flush() }
        }

        mutating func flush() throws {
            let failure = Terminal.write(bytes, to: STDOUT_FILENO).failure
            bytes.removeAll(keepingCapacity: true)
            guard failure == 0 else {
                Terminal.complain("keyway route: standard output: \(String(cString: strerror(failure)))")
                throw ExitCode(ExitStatus.badConfig)
            }
        }
    }
}
