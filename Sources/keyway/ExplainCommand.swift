// ExplainCommand: `keyway explain`: what becomes of a command: asked of a running Keyway, or, with --offline, made of
// the config alone, in the same words.
// Not here: the explanation (Routing/Explanation), the question (DataPort).

import ArgumentParser
import Hashing
import Platform
import Routing
import Settings
import Upstream
import Wire

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Show what becomes of a command, without executing it.",
        discussion: """
            Asks the Keyway that listens at --at, or where the pool of -c does, as KEYWAY EXPLAIN: the class of the \
            command, each key's hash, its point on the ring and its shard, what each shard gets, breakers, and copies \
            of hot keys. With --offline nobody is asked: the file alone says all but breakers and copies. Write -- \
            before a command with arguments that begin with -. Exit status: 0; 1 for a command or file that is \
            wrong; 2 when nobody answers.
            """)

    @ParentCommand var parent: KeywayCommand
    @OptionGroup var source: ConfigSource

    @Option(help: ArgumentHelp("Where the pool listens. Default: as the file of -c says.", valueName: "host:port"))
    var at: String?

    @Option(help: "The pool; may be left out when there is only one.")
    var pool: String?

    @Flag(help: "Look at the file alone.")
    var offline = false

    @Argument(help: "The command and its arguments.")
    var command: [String] = []

    func validate() throws {
        try parent.options.refuse(for: "explain", withConfig: false)
        if command.isEmpty { throw ValidationError("which command? For example: keyway explain -c FILE MGET a b") }
        guard !offline || at == nil else {
            throw ValidationError("--at asks a running Keyway and --offline asks none; give one of them")
        }
    }

    func run() throws {
        let words = command.map { Array($0.utf8) }
        let reply: ReplyValue
        do {
            reply = try offline ? explanation(words) : answer(words)
        } catch let error as DataPortError {
            return try fail("\(error); --offline asks the file alone", ExitStatus.failedStart)
        } catch {
            Terminal.complain("\(error)")
            throw ExitCode(ExitStatus.badConfig)
        }
        if let error = reply.errorText { return try fail(error, ExitStatus.badConfig) }
        for line in ReplyLines.lines(of: reply) { Terminal.say(line) }
    }

    private func fail(_ reason: String, _ status: Int32) throws {
        Terminal.complain("keyway explain: \(reason)")
        throw ExitCode(status)
    }

    // MARK: Asking

    private func answer(_ words: [[UInt8]]) throws -> ReplyValue {
        let port = try port()
        return try port.ask([Array("KEYWAY".utf8), Array("EXPLAIN".utf8)] + words)
    }

    /// Without a file there is no password, and without --at there must be a pool.
    private func port() throws -> DataPort {
        let given = try at.map(Self.listenAddress)
        if let given, source.file == nil { return DataPort(endpoint: Self.endpoint(given), password: nil) }
        let layout = try PoolChoice(command: "explain", pool: pool).chosen(of: try Assembly(source.settings()).pools)
        return DataPort(
            endpoint: Self.endpoint(given ?? layout.settings.listen), password: layout.settings.redisAuth)
    }

    /// Read by the rules of the config file.
    private static func listenAddress(_ text: String) throws -> ListenAddress {
        let file = "main:\n  listen: \(text)\n  servers: {embedded: 1}\n"
        guard let address = try? Settings.parse(text: file, fileName: "--at").pools[0].listen else {
            throw ValidationError("--at \(text) is not host:port, [IPv6]:port or /path")
        }
        return address
    }

    private static func endpoint(_ address: ListenAddress) -> Endpoint {
        switch address {
        case .tcp(let host, let port): .tcp(host: host, port: port)
        case .unix(let path, _): .unix(path: path)
        }
    }

    // MARK: The file alone

    /// In the form in which a running Keyway answers.
    func explanation(_ words: [[UInt8]]) throws -> ReplyValue {
        let layout = try PoolChoice(command: "explain", pool: pool).chosen(of: try Assembly(source.settings()).pools)
        let explained = ExplainedPool(
            placement: layout.placement,
            shards: layout.servers.map { ($0.ring.name, $0.endpoint?.text ?? "embedded") },
            computesAcrossShards: layout.settings.computesAcrossShards)
        var reply = ReplyBuilder(version: .three)
        let bytes = RequestBuilder.bytes(words)
        bytes.withUnsafeBufferPointer { buffer in
            var list = ArgumentList()
            guard
                case .complete(let request) = RequestParser.parse(
                    buffer.baseAddress!, count: buffer.count, limits: ParserLimits(), arguments: &list)
            else { return reply.error("ERR the command is longer than a request may be") }
            do throws(ExplanationError) {
                try Explanation(request, CommandTable(), explained).write(to: &reply)
            } catch {
                reply.error(error.text)
            }
        }
        guard let value = ReplyValue(parsing: reply.bytes) else {
            preconditionFailure("ExplainCommand: a reply made here does not parse")
        }
        return value
    }
}
