// EmbeddedServer: one Valkey server of our own: what it is started with and where its files lie.
// It listens on a unix socket only, so nobody but this user can reach it.
// Not here: finding the program (EmbeddedBinary), starting and watching it (EmbeddedSupervisor).

/// What `servers: embedded:` asks for.
package struct EmbeddedOptions: Sendable, Equatable {
    package enum Persistence: String, Sendable, CaseIterable {
        /// Memory only.
        case none
        /// A snapshot now and then, as Valkey does by default.
        case snapshot
        /// Every write goes to a log, synced once a second.
        case append
    }

    /// At least 1.
    package var shardCount: Int
    /// Limit of each server's data; 0 for none.
    package var memoryBytes: Int
    /// A `maxmemory-policy` of Valkey.
    package var eviction: String
    package var persistence: Persistence
    /// Where data, logs and sockets lie and stay; nil for a temporary directory that goes with Keyway.
    package var directory: String?
    /// The server program; nil to search for one.
    package var binary: String?

    package init(
        shardCount: Int, memoryBytes: Int = 256 << 20, eviction: String = "allkeys-lru",
        persistence: Persistence = .none, directory: String? = nil, binary: String? = nil
    ) {
        precondition(shardCount >= 1 && memoryBytes >= 0)
        self.shardCount = shardCount
        self.memoryBytes = memoryBytes
        self.eviction = eviction
        self.persistence = persistence
        self.directory = directory
        self.binary = binary
    }
}

/// A started server, as the route table wants it. The name never changes, wherever the socket lies.
package struct EmbeddedShard: Sendable, Equatable {
    package let name: String
    package let socketPath: String
}

/// Why embedded servers could not be started; says what to do.
package struct EmbeddedError: Error, CustomStringConvertible, Sendable, Equatable {
    package let description: String
}

struct EmbeddedServer {
    /// Longest socket path that every system's address structure holds.
    static let socketPathSizeMax = 103

    let name: String
    let directory: String
    let options: EmbeddedOptions

    init(index: Int, directory: String, options: EmbeddedOptions) {
        name = "shard-\(index)"
        self.directory = directory
        self.options = options
    }

    var shard: EmbeddedShard { EmbeddedShard(name: name, socketPath: "\(directory)/\(name).sock") }
    var logPath: String { "\(directory)/\(name).log" }
    /// The server's working directory: its data and nobody else's.
    var dataDirectory: String { "\(directory)/\(name)" }

    /// The command line, without the program.
    var arguments: [String] {
        var arguments = [
            "--port", "0",
            "--unixsocket", shard.socketPath,
            "--unixsocketperm", "700",
            "--dir", dataDirectory,
            // Its log is its output: what it says before it has read its configuration is then in the same file.
            "--logfile", "",
            "--daemonize", "no",
            "--enable-debug-command", "no",
            "--maxmemory", "\(options.memoryBytes)",
            "--maxmemory-policy", options.eviction,
        ]
        switch options.persistence {
        case .none: arguments += ["--save", "", "--appendonly", "no"]
        case .snapshot: arguments += ["--save", "3600", "1", "300", "100", "60", "10000", "--appendonly", "no"]
        case .append: arguments += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        }
        return arguments
    }
}
