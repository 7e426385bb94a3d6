// Explanation: what becomes of a request, without executing it: its class, where its keys are and why, and which shards
// get which part of it. The data port (KEYWAY EXPLAIN) and the shell (`keyway explain`) say the same because both make
// it here; what only a running Keyway knows (breakers, copies) is added by it.
// Not here: execution (Session), the words for each class (CommandHandling).

package import Hashing
package import Wire

/// What is to be known of a pool.
package struct ExplainedPool {
    package let placement: Placement
    /// In the placement's order.
    package let shards: [(name: String, address: String)]
    package let computesAcrossShards: Bool

    package init(placement: Placement, shards: [(name: String, address: String)], computesAcrossShards: Bool) {
        precondition(placement.servers.count == shards.count)
        self.placement = placement
        self.shards = shards
        self.computesAcrossShards = computesAcrossShards
    }
}

/// The error that the request itself would get.
package struct ExplanationError: Error, Equatable {
    package let text: String
}

package struct Explanation {
    package struct Key {
        package let bytes: [UInt8]
        /// Nil where the pool draws a shard for each request.
        package let place: KeyPlace?
        /// Of copies that answer reads of it; nil where nobody can know.
        package var copies: String?
    }

    /// What one shard gets.
    package struct Fragment {
        package let shardIndex: Int
        package let keys: [[UInt8]]
        /// Nil where nobody can know.
        package var breaker: String?
    }

    private let command: String
    private let commandClass: CommandClass
    private let handling: CommandHandling
    package var keys: [Key]
    package var fragments: [Fragment]
    private let shards: [(name: String, address: String)]

    package init(
        _ request: RequestView, _ commands: CommandTable, _ pool: ExplainedPool
    ) throws(ExplanationError) {
        let name = String(decoding: request[0].buffer.prefix(128), as: UTF8.self)
        guard let row = commands.view.row(of: request) else {
            throw ExplanationError(text: "ERR unknown command '\(name)'")
        }
        command = commands.wireName(of: row.pointee.id)
        commandClass = row.pointee.commandClass
        guard row.pointee.accepts(argumentCount: request.argumentCount) else {
            throw ExplanationError(text: "ERR wrong number of arguments for '\(command)' command")
        }
        var list = KeyList()
        let search = KeyFinder().find(row, in: request, into: &list)
        if let fault = search.errorText(wireName: command) { throw ExplanationError(text: fault) }
        keys = (0..<list.count).map { index in
            let bytes = Array(request[list[index]].buffer)
            return Key(bytes: bytes, place: pool.placement.place(of: bytes))
        }
        shards = pool.shards
        let isSpread = Set(keys.map(\.place?.serverIndex)).count > 1
        // What may not be computed must be on one shard.
        let treatedAs = commandClass == .compute && !pool.computesAcrossShards ? .sameShard : commandClass
        handling =
            search == .unknowable && shards.count > 1
            ? .patterns : CommandHandling(treatedAs, isSpread: isSpread)
        fragments = []
        if handling.isRefused { return }
        let channel = [CommandID.publish, .spublish].contains(row.pointee.id) ? Array(request[1].buffer) : nil
        fragments = Self.fragments(of: keys, treatedAs, channel: channel, pool)
    }

    private static func fragments(
        of keys: [Key], _ commandClass: CommandClass, channel: [UInt8]?, _ pool: ExplainedPool
    ) -> [Fragment] {
        let everyShard = pool.shards.indices.map { Fragment(shardIndex: $0, keys: []) }
        switch commandClass {
        case .local, .refuse: return []
        case .broadcast, .iterate: return everyShard
        case .pubSub:
            guard let channel else { return everyShard }
            return pool.placement.place(of: channel).map { [Fragment(shardIndex: $0.serverIndex, keys: [])] } ?? []
        // A script without keys runs on the first shard, so that all find what it leaves behind.
        case .script where keys.isEmpty, .sameShard where keys.isEmpty: return [Fragment(shardIndex: 0, keys: [])]
        case .key, .split, .compute, .script, .sameShard, .pinned: break
        }
        var order: [Int] = []
        var parts: [Int: [[UInt8]]] = [:]
        for key in keys {
            guard let index = key.place?.serverIndex else { continue }
            if parts[index] == nil { order.append(index) }
            parts[index, default: []].append(key.bytes)
        }
        return order.map { Fragment(shardIndex: $0, keys: parts[$0]!) }
    }

    // MARK: As a reply

    package func write(to reply: inout ReplyBuilder) {
        reply.map(6)
        for (name, value) in [
            ("command", command), ("class", "\(commandClass)"), ("handling", handling.text),
            ("atomic", handling.isAtomic ? "yes" : "no"),
        ] {
            reply.bulk(name)
            reply.bulk(value)
        }
        reply.bulk("keys")
        reply.array(keys.count)
        for key in keys { write(key, to: &reply) }
        reply.bulk("fragments")
        reply.array(fragments.count)
        for fragment in fragments { write(fragment, to: &reply) }
    }

    private func write(_ key: Key, to reply: inout ReplyBuilder) {
        reply.map(key.copies == nil ? 6 : 7)
        reply.bulk("key")
        reply.bulk(key.bytes)
        reply.bulk("hashed")
        reply.bulk(key.place?.hashed ?? key.bytes)
        for (name, number) in [("hash", key.place?.hash), ("point", key.place?.point)] {
            reply.bulk(name)
            if let number { reply.integer(Int(number)) } else { reply.null() }
        }
        let shard = key.place.map { shards[$0.serverIndex] }
        for (name, text) in [("shard", shard?.name ?? "any"), ("address", shard?.address ?? "")] {
            reply.bulk(name)
            reply.bulk(text)
        }
        if let copies = key.copies {
            reply.bulk("copies")
            reply.bulk(copies)
        }
    }

    private func write(_ fragment: Fragment, to reply: inout ReplyBuilder) {
        reply.map(fragment.breaker == nil ? 3 : 4)
        reply.bulk("shard")
        reply.bulk(shards[fragment.shardIndex].name)
        reply.bulk("address")
        reply.bulk(shards[fragment.shardIndex].address)
        reply.bulk("keys")
        reply.array(fragment.keys.count)
        for key in fragment.keys { reply.bulk(key) }
        if let breaker = fragment.breaker {
            reply.bulk("breaker")
            reply.bulk(breaker)
        }
    }
}
