// ClientRecord: what a client is while nothing of it is under way; it goes from one Keyway process to the next together
// with the client's socket.
// Not here: when a client may go (Engine+Handover).

struct ClientRecord: Sendable, Equatable {
    var pool: String
    var id: Int
    var version: Int
    var database: Int
    var flags: ClientFlags
    var ageS: Int
    var commandCount: Int
    var name = ""
    var libraryName = ""
    var libraryVersion = ""
    var takesRedirections = false
    /// The front of a request that is not all there, or requests that have not been looked at.
    var unread: [UInt8] = []

    /// What a client keeps; the others are of the process that it leaves.
    static let keptFlags: ClientFlags = [.authenticated, .replyOff, .replySkip, .noEvict, .noTouch, .refusesCopies]

    private enum Field {
        static let (pool, id, version, database): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 3, 4)
        static let (flags, age, commandCount): (UInt8, UInt8, UInt8) = (5, 6, 7)
        static let (name, libraryName, libraryVersion, redirections): (UInt8, UInt8, UInt8, UInt8) = (8, 9, 10, 11)
        static let unread: UInt8 = 12
    }

    var bytes: [UInt8] {
        var fields = TaggedFields()
        fields.add(Field.pool, pool)
        fields.add(Field.id, id)
        fields.add(Field.version, version)
        fields.add(Field.database, database)
        fields.add(Field.flags, Int(flags.rawValue))
        fields.add(Field.age, ageS)
        fields.add(Field.commandCount, commandCount)
        fields.add(Field.name, name)
        fields.add(Field.libraryName, libraryName)
        fields.add(Field.libraryVersion, libraryVersion)
        fields.add(Field.redirections, takesRedirections ? 1 : 0)
        fields.add(Field.unread, unread)
        return fields.bytes
    }
}

extension ClientRecord {
    /// - Returns: nil when these bytes are no client.
    init?(_ bytes: [UInt8]) {
        guard let fields = TaggedFields(bytes), let pool = fields.text(Field.pool), let id = fields.integer(Field.id),
            let version = fields.integer(Field.version), let database = fields.integer(Field.database),
            let flags = fields.integer(Field.flags).flatMap(UInt32.init(exactly:))
        else { return nil }
        self.init(
            pool: pool, id: id, version: version, database: database,
            flags: ClientFlags(rawValue: flags).intersection(Self.keptFlags),
            ageS: fields.integer(Field.age) ?? 0, commandCount: fields.integer(Field.commandCount) ?? 0,
            name: fields.text(Field.name) ?? "", libraryName: fields.text(Field.libraryName) ?? "",
            libraryVersion: fields.text(Field.libraryVersion) ?? "",
            takesRedirections: fields.integer(Field.redirections) == 1, unread: fields[Field.unread] ?? [])
    }
}
