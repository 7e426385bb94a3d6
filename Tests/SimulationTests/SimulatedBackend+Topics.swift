// SimulatedBackend+Topics: SUBSCRIBE and its kin, and PUBLISH, as a server has them. A message goes to each connection
// that is subscribed, in the order of publication.
// Not here: which clients must hear it (Audience).

extension SimulatedBackend {
    func changeTopics(_ verb: TopicVerb, _ connection: ServerConnection) {
        let output = connection.socket
        for position in 1..<command.count {
            guard let topic = SimulatedTopic(verb.kind, command[position]) else {
                return ledger.accuse("shard \(index): a topic that nobody listens to: \(command.text(position))")
            }
            connection.topics.removeAll { $0 == topic }
            if verb.isJoining { connection.topics.append(topic) }
            let count = connection.topics.count { ($0.kind == .shardChannel) == (verb.kind == .shardChannel) }
            output.toEngine.append("*3\r\n")
            output.toEngine.appendBulk(verb.word)
            output.toEngine.appendBulk(topic.name)
            output.toEngine.append(":", count)
        }
    }

    func publish(_ part: Int, _ connection: ServerConnection) {
        ledger.noteExecution(of: part)
        ledger.parts[part].begin()
        ledger.parts[part].outcome = .integer
        let isOnShard = command.text(0).uppercased() == "SPUBLISH"
        let channel = SimulatedTopic(isOnShard ? .shardChannel : .channel, key: ledger.parts[part].key)
        let event = audience.nextEvent()
        ledger.parts[part].sizeBytes = event
        var count = 0
        world.trace.note("shard, event, key: publishes", index, event, ledger.parts[part].key)
        for listener in connections where !listener.topics.isEmpty && !listener.isOver {
            for topic in listener.topics where topic.hears(channel) {
                append(part, on: topic, channel, to: listener.socket)
                audience.expect(
                    Audience.Message(event: event, part: part, shard: index, socket: listener.socket), on: topic)
                count += 1
            }
        }
        ledger.parts[part].number = count
        connection.socket.toEngine.append(":", count)
    }

    private func append(_ part: Int, on topic: SimulatedTopic, _ channel: SimulatedTopic, to output: SimulatedSocket) {
        output.toEngine.append("*", topic.kind == .pattern ? 4 : 3)
        output.toEngine.appendBulk(topic.kind.messageWord)
        if topic.kind == .pattern { output.toEngine.appendBulk(topic.name) }
        output.toEngine.appendBulk(channel.name)
        appendMarked(part, bytesOf: part, sizeBytes: ledger.parts[part].writtenBytes, to: output)
    }
}
