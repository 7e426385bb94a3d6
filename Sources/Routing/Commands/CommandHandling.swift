// CommandHandling: what Keyway does with a command, in words for people, and whether it stays one atomic step.
// Not here: doing it (Session).

package struct CommandHandling: Equatable, Sendable {
    package let text: String
    package let isAtomic: Bool
    /// It goes to no shard.
    package let isRefused: Bool

    /// It names keys by patterns.
    package static let patterns = CommandHandling(
        text: "forwarded where its patterns (BY, GET) stay on the shard of its key by a hash tag; otherwise refused")

    private init(text: String) { (self.text, isAtomic, isRefused) = (text, true, false) }

    /// - Parameter isSpread: the keys are on several shards.
    package init(_ commandClass: CommandClass, isSpread: Bool) {
        isRefused = commandClass == .refuse || (isSpread && [.sameShard, .script, .pinned].contains(commandClass))
        (text, isAtomic) =
            switch commandClass {
            case .key: ("forwarded to the shard of its key", true)
            case .split:
                isSpread
                    ? ("split: one command for each shard, and one reply made of theirs", false)
                    : ("forwarded to the one shard of its keys", true)
            case .compute:
                isSpread
                    ? ("computed by Keyway from what each shard has; no snapshot of all keys at one moment", false)
                    : ("forwarded to the one shard of its keys", true)
            case .sameShard where isSpread, .script where isSpread, .pinned where isSpread:
                ("refused: its keys are on several shards; give them the same hash tag", true)
            case .sameShard, .script: ("forwarded to the one shard of its keys", true)
            case .pinned: ("runs on a connection of the client's own while it lasts", true)
            case .pubSub: ("one shard publishes, all shards are listened to", true)
            case .iterate: ("walks all shards, one after the other, with a cursor of Keyway's own", false)
            case .broadcast: ("sent to every shard, and one reply is made of theirs", false)
            case .local: ("answered by Keyway", true)
            case .refuse: ("refused: it would bypass placement, topology or persistence", true)
            }
    }
}
