// Engine+Learning: a command that the table lacks is asked about at a server before it is called unknown.
// The client waits meanwhile, with the request unread (`Gate.asking`), and then reads it again.
// Not here: what is made of the answer (Routing/LearnedCommands).

import Platform
import Routing
import Upstream
import Wire

extension Engine {
    /// - Returns: false when no server knows the command.
    mutating func handleLearned(_ client: ClientRef, _ request: RequestView, chunk: ChunkRef?) -> Bool {
        let name = Array(Self.text(request[0]).lowercased().utf8)
        let poolIndex = client.pointee.poolIndex
        switch pools[poolIndex].learned.answer(for: name) {
        case .unknown: return false
        case .row(let row):
            guard row.pointee.accepts(argumentCount: request.argumentCount) else {
                answerNow(client, error: ProxyError.wrongArity(String(decoding: name, as: UTF8.self)))
                return true
            }
            guard passesWatch(client, request, row) else { return true }
            if !queueIfInTransaction(client, request, row) { route(client, request, row, chunk: chunk) }
            hotMark = 0
            return true
        case .notAsked:
            guard let shard = anyShard(for: client, sizeBytes: 0) else { return false }
            if !putsOff(client) { askAbout(name, client, shard) }
            return true
        }
    }

    private mutating func askAbout(_ name: [UInt8], _ client: ClientRef, _ shard: ShardRef) {
        // Nothing of the client is under way; the request stays unread until the answer has come.
        putOff(client, .asking)
        let merge = merges.take(client: client, rule: .gathered, command: CommandID.learned.rawValue)
        merge.pointee.gathering = .passRetained(Gathering(.learning(name)))
        expectAnswer(for: client)
        let bytes = RequestBuilder.bytes(Self.words("COMMAND INFO") + [name])
        _ = merge.appendPart(shardIndex: shard.pointee.index)
        let line = line(of: shard, for: client)
        line.pointee.out.append(bytes, count: bytes.count, pool: &buffers)
        submitPart(merge, 0, line, sizeBytes: bytes.count, isWrite: false)
    }

    /// The server's word on `name`, or an error where it had none.
    mutating func learned(_ client: ClientRef, _ name: [UInt8], _ reply: ByteView) {
        if let value = ReplyValue(parsing: reply.buffer) {
            pools[client.pointee.poolIndex].learned.learn(name, value)
        }
        client.pointee.gate.remove(.asking)
        scheduleResume(client)
    }
}
