// Dialect: what one connection to a server speaks, and in which of its databases. Clients of one dialect share lines;
// a reply is never translated from one protocol to the other, because servers shape replies differently in each.
// Not here: which dialects a pool has in use (Shard), how a connection gets into one (Session's greeting).

public import Wire

public struct Dialect: BitwiseCopyable, Equatable, Sendable {
    public let version: RESPVersion
    public let database: Int

    public init(version: RESPVersion, database: Int) {
        self.version = version
        self.database = database
    }
}
