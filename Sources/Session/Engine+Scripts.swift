// Engine+Scripts: EVALSHA on a shard that has not seen the script, though another one has. One server would know it; so
// Keyway gives it to the shard and runs it, where that provably does no harm:
//
//     EVALSHA ──► -NOSCRIPT ──► SCRIPT EXISTS ──► 0: it never ran ──► SCRIPT LOAD, EVALSHA ──► reply
//                                           └──► 1: a script that ran wrote that text itself ──► passed on
//
// Only while nothing of the client is behind it, so that its commands keep their order.
// Not here: the store (ScriptStore), scripts' keys (Engine+Routing).

import Platform
import Routing
import Upstream
import Wire

/// How far an EVALSHA has come.
struct StoredScript {
    enum Stage { case first, confirming(reply: [UInt8]), last }

    let digest: [UInt8]
    let words: [[UInt8]]
    let shardIndex: Int
    var stage = Stage.first
}

extension Engine {
    private static var digestCount: Int { 40 }

    /// Commands of the class `script`.
    mutating func runScript(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        switch row.pointee.id {
        case .eval, .evalRo: noteScript(request[1])
        case .evalsha, .evalshaRo:
            if runStoredScript(client, request, row) { return }
        default: break
        }
        forwardToOneShard(client, request, row, chunk: chunk)
    }

    /// SCRIPT LOAD and FLUSH go to all shards.
    mutating func noteScriptCommand(_ request: RequestView, _ id: CommandID) {
        switch id {
        case .scriptLoad: noteScript(request[2])
        case .scriptFlush:
            shared.scripts.removeAll()
            seenScripts.removeAll()
            loadedScripts.removeAll()
        default: break
        }
    }

    private mutating func noteScript(_ script: ByteView) {
        // A script that is taken for another one is not stored; its client gets NOSCRIPT and sends it.
        var mark = UInt64(script.count)
        for index in 0..<min(script.count, 64) { mark = (mark ^ UInt64(script[index])) &* 1_099_511_628_211 }
        for index in max(0, script.count - 64)..<script.count {
            mark = (mark ^ UInt64(script[index])) &* 1_099_511_628_211
        }
        guard !seenScripts.contains(mark) else { return }
        if seenScripts.count >= ScriptStore.countMax { seenScripts.removeAll() }
        seenScripts.insert(mark)
        shared.scripts.insert(Array(script.buffer))
    }

    /// - Returns: false where it is passed on as it is: nothing is stored, or the shard has it.
    private mutating func runStoredScript(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>
    ) -> Bool {
        guard !shared.scripts.isEmpty, request[1].count == Self.digestCount else { return false }
        let pool = poolViews + client.pointee.poolIndex
        let index: Int
        switch commonShard(of: request, row, pool) {
        case .shard(let shardIndex): index = shardIndex
        case .anywhere: index = 0
        case .nowhere: return false
        }
        guard !loadedScripts.contains(Self.mark(request[1], client.pointee.poolIndex, index)) else { return false }
        let words = Self.words(request)
        let digest = words[1].map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }
        let script = StoredScript(digest: digest, words: words, shardIndex: index)
        gather(client, row, .storedScript(script), [GatherRequest(shardIndex: index, words: words)])
        return true
    }

    private static func mark(_ digest: ByteView, _ poolIndex: Int, _ shardIndex: Int) -> UInt64 {
        var mark = UInt64(poolIndex << 32 | shardIndex) &* 0x9E37_79B9_7F4A_7C15
        for index in 0..<digest.count { mark = (mark ^ UInt64(digest[index] | 32)) &* 1_099_511_628_211 }
        return mark
    }

    /// The shard's answer to what was asked last.
    mutating func answerStoredScript(_ merge: MergeRef, _ script: StoredScript) {
        let client = merge.pointee.client
        let sequence = merge.pointee.sequence
        let reply = merge.pointee.parts[0].reply
        let row = commands[CommandID(rawValue: merge.pointee.command)!]
        var next = script
        switch script.stage {
        case .first:
            let isMissing = ReplyMerge.isError(reply) && ReplyMerge.errorText(reply).hasPrefix("NOSCRIPT")
            if !isMissing { noteLoaded(script, client) }
            guard isMissing, shared.scripts.script(script.digest) != nil, sequence == client.pointee.tail &- 1 else {
                return pass(merge, part: 0)
            }
            client.pointee.gate.insert(.barrier)
            next.stage = .confirming(reply: Array(reply.buffer))
            let words = Self.words("SCRIPT EXISTS") + [script.digest]
            ask(
                client, sequence, row, .storedScript(next),
                [GatherRequest(shardIndex: script.shardIndex, words: words)])
        case .confirming(let original):
            guard let text = shared.scripts.script(script.digest),
                ReplyValue(parsing: reply.buffer)?.elements?.first?.integer == 0
            else { return answer(client, sequence, bytes: original) }
            next.stage = .last
            let load = Self.words("SCRIPT LOAD") + [text]
            ask(
                client, sequence, row, .storedScript(next),
                [load, script.words].map { GatherRequest(shardIndex: script.shardIndex, words: $0) })
        case .last:
            noteLoaded(script, client)
            pass(merge, part: 1)
        }
    }

    private mutating func noteLoaded(_ script: StoredScript, _ client: ClientRef) {
        if loadedScripts.count >= ScriptStore.countMax * 64 { loadedScripts.removeAll() }
        let mark = script.digest.withUnsafeBufferPointer { digest in
            Self.mark(
                ByteView(start: digest.baseAddress!, count: digest.count), client.pointee.poolIndex, script.shardIndex)
        }
        loadedScripts.insert(mark)
    }
}
