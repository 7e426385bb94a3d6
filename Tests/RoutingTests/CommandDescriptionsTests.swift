import Routing
import Testing
import Wire

/// A reply taken apart, so that tests read shapes and not bytes.
private indirect enum Reply: Equatable {
    case simple(String), error(String), integer(Int), bulk(String), null
    case array([Reply]), set([Reply]), map([Reply])

    var members: [Reply] {
        switch self {
        case .array(let members), .set(let members), .map(let members): members
        default: []
        }
    }

    /// The value of `key` in a map or in the flat array that RESP2 makes of it.
    subscript(key: String) -> Reply? {
        stride(from: 0, to: members.count - 1, by: 2).first { members[$0] == .bulk(key) }.map { members[$0 + 1] }
    }

    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        self = try Self.read(&rest)
        try #require(rest.isEmpty)
    }

    private static func read(_ rest: inout ArraySlice<UInt8>) throws -> Reply {
        let end = try #require(rest.firstIndex(of: 10))
        try #require(rest[end - 1] == 13)
        let type = Unicode.Scalar(rest.first!)
        let text = String(decoding: rest[(rest.startIndex + 1)..<(end - 1)], as: UTF8.self)
        rest = rest[(end + 1)...]
        func members(_ count: Int) throws -> [Reply] { try (0..<count).map { _ in try read(&rest) } }
        switch type {
        case "+": return .simple(text)
        case "-": return .error(text)
        case ":": return .integer(try #require(Int(text)))
        case "_": return .null
        case "*": return .array(try members(try #require(Int(text))))
        case "~": return .set(try members(try #require(Int(text))))
        case "%": return .map(try members(try #require(Int(text)) * 2))
        case "$":
            let count = try #require(Int(text))
            guard count >= 0 else { return .null }
            let content = rest.prefix(count)
            rest = rest.dropFirst(count + 2)
            return .bulk(String(decoding: content, as: UTF8.self))
        default:
            Issue.record("unknown type \(type)")
            return .null
        }
    }
}

struct CommandDescriptionsTests {
    let table = CommandTable()

    private func ask(_ line: String, _ version: RESPVersion = .three) throws -> Reply {
        let request = RequestBytes(line)
        return try Reply(
            withExtendedLifetime(request) {
                CommandDescriptions(table: table).reply(to: request.view, version: version)
            })
    }

    private func bulks(_ words: String...) -> [Reply] { words.map { .bulk($0) } }
    private func simples(_ words: String...) -> [Reply] { words.map { .simple($0) } }

    /// Goal: GET looks as a Valkey shows it, byte by byte. Method: copied from a Valkey's answers.
    @Test func infoOfGetIsThatOfValkey() {
        let three =
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n~3\r\n+@read\r\n+@string\r\n"
            + "+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n%2\r\n"
            + "$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n%2\r\n"
            + "$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n"
            + "$5\r\nlimit\r\n:0\r\n~0\r\n_\r\n"
        let request = RequestBytes("COMMAND INFO get foo")
        withExtendedLifetime(request) {
            let descriptions = CommandDescriptions(table: table)
            let replyThree = descriptions.reply(to: request.view, version: .three)
            #expect(String(decoding: replyThree, as: UTF8.self) == three)
            let two = three.replacing("~", with: "*").replacing("%3", with: "*6").replacing("%2", with: "*4")
                .replacing("%1", with: "*2").replacing("_\r\n", with: "$-1\r\n")
            let replyTwo = descriptions.reply(to: request.view, version: .two)
            #expect(String(decoding: replyTwo, as: UTF8.self) == two)
        }
    }

    @Test func commandListsTheTopLevelInFullAndCountAgrees() throws {
        for version in [RESPVersion.two, .three] {
            let all = try ask("COMMAND", version).members
            #expect(try ask("command count", version) == .integer(all.count))
            #expect(try ask("COMMAND INFO", version).members == all)
            #expect(all.count == 258)
            var total = 0
            for command in all {
                #expect(command.members.count == 10)
                total += 1 + command.members[9].members.count
            }
            #expect(total == 425)
        }
    }

    @Test func containersShowTheirSubcommands() throws {
        let config = try ask("COMMAND INFO config").members[0].members
        #expect(config[9] == .array(config[9].members))
        let names = config[9].members.map { $0.members[0] }
        #expect(names == bulks("config|get", "config|help", "config|resetstat", "config|rewrite", "config|set"))
        #expect(try ask("COMMAND INFO CONFIG|GET").members[0].members[0] == .bulk("config|get"))
        let unknown = try ask("COMMAND INFO config|nosuch nosuch|get get|x | config| |get").members
        #expect(unknown == Array(repeating: .null, count: 6))
        let setname = try ask("COMMAND INFO client|setname").members[0].members
        #expect(setname[7] == .set(bulks("request_policy:all_nodes", "response_policy:all_succeeded")))
    }

    /// Method: categories copied from a Valkey's answers.
    @Test(arguments: [
        ("sort", "write set sortedset list slow dangerous"), ("ping", "fast connection"),
        ("eval", "slow scripting"), ("fcall_ro", "slow scripting"), ("flushall", "keyspace write slow dangerous"),
        ("subscribe", "pubsub slow"), ("blpop", "write list slow blocking"), ("object|freq", "keyspace read slow"),
        ("memory|usage", "read slow"), ("multi", "fast transaction"), ("client", "slow"),
        ("wait", "slow blocking connection"), ("config|set", "admin slow dangerous"),
        ("zunionstore", "write sortedset slow"), ("pfadd", "write hyperloglog fast"),
        ("role", "admin fast dangerous"), ("rename", "keyspace write slow"),
    ])
    func categoriesAreThoseOfValkey(name: String, categories: String) throws {
        let shown = try ask("COMMAND INFO \(name)").members[0].members[6]
        #expect(shown == .set(categories.split(separator: " ").map { .simple("@" + $0) }))
    }

    @Test func keySpecificationsOfEveryKindAreShown() throws {
        let union = try ask("COMMAND INFO zunionstore").members[0].members[8].members
        #expect(union.count == 2)
        #expect(union[1]["find_keys"]?["type"] == .bulk("keynum"))
        #expect(union[1]["find_keys"]?["spec"]?["firstkey"] == .integer(1))
        let read = try ask("COMMAND INFO xread").members[0].members[8].members
        #expect(read[0]["begin_search"]?["spec"]?["keyword"] == .bulk("STREAMS"))
        #expect(read[0]["begin_search"]?["spec"]?["startfrom"] == .integer(1))
        #expect(read[0]["find_keys"]?["spec"]?["limit"] == .integer(2))
        let sort = try ask("COMMAND INFO sort", .two).members[0].members[8].members
        #expect(sort.count == 3)
        #expect(sort[2]["begin_search"]?["type"] == .bulk("unknown"))
        let channel = try ask("COMMAND INFO spublish").members[0].members[8].members
        #expect(channel[0]["flags"] == .set(simples("not_key")))
    }

    @Test func listFiltersAsValkeyDoes() throws {
        let all = try ask("COMMAND LIST")
        #expect(all == .array(all.members) && all.members.count == 425)
        #expect(try ask("COMMAND LIST FILTERBY PATTERN x*ad*").members == bulks("xadd", "xread", "xreadgroup"))
        #expect(try ask("COMMAND LIST filterby pattern CONFIG|*").members.count == 5)
        #expect(try ask("COMMAND LIST FILTERBY PATTERN *").members.count == 425)
        #expect(try ask("COMMAND LIST FILTERBY MODULE json").members.isEmpty)
        #expect(try ask("COMMAND LIST FILTERBY ACLCAT nosuch").members.isEmpty)
        #expect(try ask("COMMAND LIST FILTERBY ACLCAT @hash").members.isEmpty)
        let logs = try ask("COMMAND LIST FILTERBY ACLCAT HyperLogLog").members
        #expect(logs == bulks("pfadd", "pfcount", "pfdebug", "pfmerge", "pfselftest"))
        for line in ["FILTERBY", "x", "FILTERBY X y", "FILTERBY PATTERN", "FILTERBY PATTERN a b", "NO PATTERN a"] {
            #expect(try ask("COMMAND LIST " + line) == .error("ERR syntax error"))
        }
    }

    @Test func getkeysAnswersAsValkeyDoes() throws {
        func keys(_ line: String) throws -> Reply { try ask("COMMAND GETKEYS " + line) }
        #expect(try keys("mset a 1 c 2") == .array(bulks("a", "c")))
        #expect(try keys("OBJECT encoding a") == .array(bulks("a")))
        #expect(try keys("zunionstore d 2 a b") == .array(bulks("d", "a", "b")))
        #expect(try keys("sort a by x* store d") == .array(bulks("a", "d")))
        #expect(try keys("eval x 0") == .array([]))
        #expect(try keys("eval x -1") == .array([]))
        #expect(try keys("nosuch a") == .error("ERR Invalid command specified"))
        #expect(try keys("object nosuch") == .error("ERR Invalid command specified"))
        #expect(try keys("get|x a") == .error("ERR Invalid command specified"))
        #expect(try keys("ping") == .error("ERR The command has no key arguments"))
        #expect(try keys("object") == .error("ERR The command has no key arguments"))
        #expect(try keys("spublish a b") == .error("ERR The command has no key arguments"))
        #expect(try keys("get") == .error("ERR Invalid number of arguments specified for command"))
        #expect(try keys("lmpop 0 a LEFT") == .error("ERR Invalid arguments specified for command"))
        #expect(try keys("xread a b c") == .error("ERR Invalid arguments specified for command"))
        #expect(
            try ask("COMMAND GETKEYSANDFLAGS get a")
                == .array([.array([.bulk("a"), .set(simples("RO", "access"))])]))
    }

    @Test func docsSayHowKeywayTreatsACommand() throws {
        let docs = try ask("COMMAND DOCS zadd nosuch")
        #expect(docs.members.count == 2)
        #expect(docs["zadd"]?["since"] == .bulk("1.2.0"))
        #expect(docs["zadd"]?["group"] == .bulk("sorted-set"))
        #expect(docs["zadd"]?["summary"] == .bulk("Keyway forwards it to the shard of its key."))
        #expect(try ask("COMMAND DOCS config")["config"]?["subcommands"]?["config|get"]?["since"] == .bulk("2.0.0"))
        #expect(try ask("COMMAND DOCS").members.count == 516)
        #expect(try ask("COMMAND DOCS", .two).members.count == 516)
    }

    @Test func badSubcommandsAreAnswered() throws {
        #expect(try ask("COMMAND NOSUCH") == .error("ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP."))
        #expect(try ask("COMMAND \"\"") == .error("ERR unknown subcommand ''. Try COMMAND HELP."))
        #expect(
            try ask("COMMAND COUNT x") == .error("ERR wrong number of arguments for 'command|count' command"))
        #expect(
            try ask("COMMAND GETKEYS") == .error("ERR wrong number of arguments for 'command|getkeys' command"))
        #expect(try ask("COMMAND HELP").members.allSatisfy { if case .simple = $0 { true } else { false } })
    }
}
