// GreetingCommand: what Keyway says first on a connection to a server, and which refusal of it is fatal.
// Not here: sending it and reading the answers (Session/Engine+Lines).

import Wire

package enum GreetingCommand: Equatable, Sendable {
    case authenticate(password: String)
    /// The protocol: 2 is what every server speaks unasked, and whether it knows the command tells of the other.
    case hello(version: Int)
    case select(database: Int)
    /// Only where CLIENT UNBLOCK may need it.
    case clientID
    /// Its run id tells a restarted server from the one before.
    case info
    case setName
    /// The server tells of changes of what is read behind CLIENT CACHING YES.
    case track

    package var words: [String] {
        switch self {
        case .authenticate(let password): ["AUTH", password]
        case .hello(let version): ["HELLO", String(version)]
        case .select(let database): ["SELECT", String(database)]
        case .clientID: ["CLIENT", "ID"]
        case .info: ["INFO", "server"]
        case .setName: ["CLIENT", "SETNAME", "keyway"]
        case .track: ["CLIENT", "TRACKING", "ON", "OPTIN"]
        }
    }

    /// Whether the connection is of no use after this answer. A server that lacks a command serves as well; one that
    /// wants a password, or still loads its data, does not.
    package func isFatal(error: String) -> Bool {
        switch self {
        case .authenticate, .select, .hello(version: 3), .track: true
        case .hello, .clientID, .info, .setName: error.hasPrefix("NOAUTH") || error.hasPrefix("LOADING")
        }
    }

    /// In the order in which they are sent. The last is the proof that the server answers.
    package static func all(
        for dialect: Dialect, role: Line.Role, password: String?
    ) -> [GreetingCommand] {
        var commands: [GreetingCommand] = []
        if let password { commands.append(.authenticate(password: password)) }
        if dialect.version == .three || role == .shared {
            commands.append(.hello(version: Int(dialect.version.rawValue)))
        }
        if dialect.database != 0 { commands.append(.select(database: dialect.database)) }
        commands.append(role == .shared ? .info : .clientID)
        commands.append(.setName)
        if role == .cover { commands.append(.track) }
        return commands
    }
}
