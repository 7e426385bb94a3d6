// EmbeddedSettings: `servers:` of a pool when it is a map: valkey-server processes that Keyway starts itself.
// Defaults, ranges and sentences are in SettingsTable. Not here: starting them, or naming their sockets (Upstream).

/// Servers that Keyway starts itself.
package struct EmbeddedSettings: Sendable, Equatable {
    package enum Persistence: String, Sendable, Equatable, CaseIterable {
        case none, snapshot, append
    }

    /// Where `servers:` stands, from 1; 0 without a file.
    package var line: Int
    /// 1...64
    package var count: Int
    /// For each shard.
    package var memoryBytes: Int
    /// One of Valkey's maxmemory-policy words.
    package var eviction: String
    package var persistence: Persistence
    /// Nil asks for a private temporary folder; never nil when data is to last.
    package var directory: String?
    /// Nil asks to find valkey-server by PATH.
    package var binary: String?
}
