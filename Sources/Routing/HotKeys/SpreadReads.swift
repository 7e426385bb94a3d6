// SpreadReads: the commands that may be asked of a copy of their key on another server: they read one key, their first
// argument, and look at nothing but its value.
// Not here: what tells of the key and not of its value (TTL, OBJECT, MEMORY), cursors, which mean the buckets of one
// server (HSCAN), and what a client of a group has seen (XPENDING, XINFO).

package struct SpreadReads: Sendable {
    /// By command.
    private let isSpread: [Bool]

    package init() {
        var isSpread = Array(repeating: false, count: CommandID.allCases.count)
        for command in Self.commands { isSpread[Int(command.rawValue)] = true }
        self.isSpread = isSpread
    }

    package static let commands: [CommandID] =
        CopyableReads.commands.flatMap(\.1) + [
            .bitfieldRo, .bitpos, .geodist, .geohash, .geopos, .georadiusbymemberRo, .georadiusRo, .geosearch,
            .hrandfield, .lpos, .srandmember, .xlen, .xrange, .xrevrange, .zrandmember,
        ]

    @inline(__always)
    package func contains(_ command: CommandID) -> Bool { isSpread[Int(command.rawValue)] }
}
