// ClientFilter: which clients CLIENT LIST and CLIENT KILL mean, in the options of Valkey 9.1. Nearly every option has a
// counterpart with NOT- that leaves out whom the option would name. Of an option given twice the last one counts, but
// numbers behind ID add up. ClientPortrait is what a filter looks at.
// Not here: asking all workers (ClientSurvey), drawing portraits (Engine+ClientCommands).

import Routing

/// One client as a filter sees it.
struct ClientPortrait {
    var id: Int
    var address: String
    var localAddress: String
    var isSubscriber: Bool
    var flags: String
    var name: String
    var libraryName: String
    var libraryVersion: String
    var database: Int
    var takesRedirections: Bool
    var ageS: Int
    var idleS: Int
}

/// What may be asked of a client.
enum ClientTrait: Sendable {
    case ids(Set<Int>)
    case address(String)
    case localAddress(String)
    /// Keyway has no clients that are servers.
    case type(isNormal: Bool, isSubscriber: Bool)
    /// Keyway has one user.
    case user
    case name(String)
    case flags(String)
    case libraryName(String)
    case libraryVersion(String)
    case database(Int)
    case capabilities(String)
    case ip(String)

    func holds(for client: ClientPortrait) -> Bool {
        switch self {
        case .ids(let ids): ids.contains(client.id)
        case .address(let address): client.address == address
        case .localAddress(let address): client.localAddress == address
        case .type(let isNormal, let isSubscriber): client.isSubscriber ? isSubscriber : isNormal
        case .user: true
        case .name(let name): client.name == name && !name.isEmpty
        case .flags(let flags): flags.allSatisfy { client.flags.contains($0) }
        case .libraryName(let name): client.libraryName == name && !name.isEmpty
        case .libraryVersion(let version): client.libraryVersion == version && !version.isEmpty
        case .database(let index): client.database == index
        case .capabilities(let letters): letters.isEmpty || client.takesRedirections
        case .ip(let ip): Self.ip(of: client.address) == ip
        }
    }

    /// Nil for a unix socket.
    private static func ip(of address: String) -> String? {
        guard let colon = address.lastIndex(of: ":") else { return nil }
        return String(address[..<colon].filter { $0 != "[" && $0 != "]" })
    }
}

struct ClientFilter: Sendable {
    /// The error, in Valkey's words.
    struct Refusal: Error, Equatable {
        var text: [UInt8]

        init(_ text: String, shown: [UInt8] = [], _ rest: String = "") {
            self.text = Array(text.utf8) + shown.prefix { $0 != 0 } + Array(rest.utf8)
        }
    }

    /// By the option's name, which may begin with NOT-.
    private var traits: [String: ClientTrait] = [:]
    private var ageMinS = 0
    private var idleMinS = 0
    private var skippedID: Int?

    init(id: Int) { traits["ID"] = .ids([id]) }

    init(address: String) { traits["ADDR"] = .address(address) }

    /// - Parameter words: a command of which the options begin at the third word.
    init(words: [[UInt8]], askerID: Int, skipsAsker: Bool, databaseCount: Int) throws(Refusal) {
        skippedID = skipsAsker ? askerID : nil
        var next = 2
        while next < words.count {
            let option = Self.text(words[next]).uppercased()
            next += 1
            if option == "ID" || option == "NOT-ID" {
                try takeIDs(option, words, &next)
                continue
            }
            guard next < words.count else { throw Refusal(ProxyError.syntax) }
            try take(option, words[next], askerID: askerID, databaseCount: databaseCount)
            next += 1
        }
    }

    func matches(_ client: ClientPortrait) -> Bool {
        client.id != skippedID && client.ageS >= ageMinS && client.idleS >= idleMinS
            && traits.allSatisfy { $1.holds(for: client) != $0.hasPrefix("NOT-") }
    }

    /// As many numbers as there are; none at all names nobody.
    private mutating func takeIDs(_ option: String, _ words: [[UInt8]], _ next: inout Int) throws(Refusal) {
        var ids: Set<Int> = []
        if case .ids(let known)? = traits[option] { ids = known }
        while next < words.count, let id = ArgumentText.integer(words[next]) {
            guard id > 0 else { throw Refusal("ERR client-id should be greater than 0") }
            ids.insert(id)
            next += 1
        }
        traits[option] = .ids(ids)
    }

    private mutating func take(
        _ option: String, _ value: [UInt8], askerID: Int, databaseCount: Int
    ) throws(Refusal) {
        switch option {
        case "MAXAGE": ageMinS = try Self.seconds(value, "maxage")
        case "IDLE": idleMinS = try Self.seconds(value, "idle")
        case "SKIPME":
            switch Self.text(value).uppercased() {
            case "YES": skippedID = askerID
            case "NO": skippedID = nil
            default: throw Refusal(ProxyError.syntax)
            }
        default: traits[option] = try Self.trait(option, value, databaseCount: databaseCount)
        }
    }

    /// Valkey looks no further than a NUL.
    private static func text(_ word: [UInt8]) -> String { String(decoding: word.prefix { $0 != 0 }, as: UTF8.self) }

    private static func seconds(_ value: [UInt8], _ option: String) throws(Refusal) -> Int {
        guard let seconds = ArgumentText.integer(value) else {
            throw Refusal("ERR \(option) is not an integer or out of range")
        }
        guard seconds > 0 else { throw Refusal("ERR \(option) should be greater than 0") }
        return seconds
    }

    private static func trait(
        _ option: String, _ value: [UInt8], databaseCount: Int
    ) throws(Refusal) -> ClientTrait {
        let text = text(value)
        let isNegative = option.hasPrefix("NOT-")
        let named = isNegative ? option : "provided"
        switch isNegative ? String(option.dropFirst(4)) : option {
        case "TYPE": return try clientType(value)
        case "USER":
            guard value == Array("default".utf8) else { throw Refusal("ERR No such user '", shown: value, "'") }
            return .user
        case "ADDR": return .address(text)
        case "LADDR": return .localAddress(text)
        case "NAME": return .name(text)
        case "FLAGS":
            guard text.allSatisfy({ knownFlags.contains($0) }) else {
                throw Refusal("ERR Unknown flags found in the \(named) filter: ", shown: value)
            }
            return .flags(text)
        case "LIB-NAME": return .libraryName(text)
        case "LIB-VER": return .libraryVersion(text)
        case "DB":
            guard let index = ArgumentText.integer(value).flatMap({ Int32(exactly: $0) }) else {
                throw Refusal("ERR \(option) is not an integer or out of range")
            }
            guard index >= 0, index < databaseCount else {
                throw Refusal("ERR \(option) number should be between 0 and \(databaseCount - 1)")
            }
            return .database(Int(index))
        case "CAPA":
            guard text.allSatisfy({ $0 == "r" }) else {
                throw Refusal("ERR Unknown capa found in the \(named) filter: ", shown: value)
            }
            return .capabilities(text)
        case "IP": return .ip(text)
        default: throw Refusal(ProxyError.syntax)
        }
    }

    /// All that Valkey has; Keyway's clients have some of them.
    private static let knownFlags = Set("ABEIMNOPRSTUbcdeirtux")

    private static func clientType(_ value: [UInt8]) throws(Refusal) -> ClientTrait {
        switch text(value).lowercased() {
        case "normal": return .type(isNormal: true, isSubscriber: false)
        case "pubsub": return .type(isNormal: false, isSubscriber: true)
        case "master", "primary", "replica", "slave": return .type(isNormal: false, isSubscriber: false)
        default: throw Refusal("ERR Unknown client type '", shown: value, "'")
        }
    }
}
