// Engine+HotKeys: which keys of a pool are hot, and what is shown of them.
// Once a second each worker posts what its sketch knows, and judges by what all workers have posted. A key that has
// become hot is first marked, so that every worker's writes raise its slot's version; one look later, when writes of
// before have passed, copies of it are made.
// Not here: what becomes of a request (Engine+Copies), thresholds (Routing/HotKeys/HotKeyPolicy).

import Hashing
import Logging
import Platform
import Routing
import Telemetry
import Upstream
import Wire

extension Engine {
    /// What one request in so many costs.
    @inline(never)
    mutating func sample(
        _ hot: HotPoolRef, _ request: RequestView, _ key: ByteView, _ shard: ShardRef, isWrite: Bool
    ) {
        let weight = hot.pointee.sampler.next(nowMs: nowMs, random: nextRandom())
        let placement = (poolViews + hot.pointee.poolIndex).pointee.placement
        let handle = hot.pointee.sketch.record(
            HotKeySample(
                key: key, slot: Int(placement.slot(of: key.start, count: key.count)), shardIndex: shard.pointee.index,
                isWrite: isWrite, sizeBytes: request.sizeBytes, weight: weight),
            nowMs: nowMs)
        if handle.isAwaited { hotMark = HotSlotsView.mark(of: handle) }
    }

    /// A sampled request gets no reply of its own: a copy answers it, or another one's reply.
    func forgetSample(_ hot: HotPoolRef?) -> HotMark {
        guard let hot, let handle = HotSlotsView.handle(of: hotMark) else { return hotMark }
        hot.pointee.sketch.forgetReply(handle)
        return 0
    }

    /// A reply is here that ends copies, and nobody has seen it yet; or that of a sampled request.
    ///
    /// - Parameter sizeBytes: of all of the reply, as far as it is known.
    @inline(never)
    func replyIsHere(_ mark: HotMark, _ line: LineRef, sizeBytes: Int) {
        let pool = poolViews + line.pointee.shard.pointee.poolIndex
        if let handle = HotSlotsView.handle(of: mark) {
            pool.pointee.hot?.pointee.sketch.noteReply(handle, sizeBytes: sizeBytes, nowMs: nowMs)
        } else {
            pool.pointee.slots?.raise(mark)
        }
    }

    /// A request that is not a plain single-key one, before it is routed: a write ends copies, and whatever it is, the
    /// client's next reads of hot keys come behind it.
    ///
    /// - Returns: what the reply is to end.
    mutating func noteHotKeys(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, _ hot: HotPoolRef
    ) -> HotMark {
        if row.pointee.id == .flushall || row.pointee.id == .flushdb {
            if putsOffBehindFills(client) { return 0 }
            hot.pointee.slots.raise(HotSlotsView.everything)
            touch(client)
            return HotSlotsView.everything
        }
        let search = keyFinder.find(row, in: request, into: &keys)
        guard fault(of: search, row) == nil else { return 0 }
        var mark: HotMark = 0
        for index in 0..<keys.count {
            mark = HotSlotsView.join(mark, noteHotKey(client, request[keys[index]], isWrite: isWrite(row), hot))
            if isPutOff { return 0 }
        }
        return mark
    }

    /// One key of such a request.
    mutating func noteHotKey(_ client: ClientRef, _ key: ByteView, isWrite: Bool, _ hot: HotPoolRef) -> HotMark {
        let hash = SeededHash.value(of: key.start, count: key.count, seed: hot.pointee.seed)
        let slot = HotSlotsView.slot(of: hash)
        guard hot.pointee.slots.isHot(slot) else { return 0 }
        if copiedKey(hash, key, hot) != nil {
            if putsOffBehindFills(client) { return 0 }
            touch(client)
        }
        guard isWrite else { return 0 }
        hot.pointee.slots.raise(HotSlotsView.mark(of: slot))
        return HotSlotsView.mark(of: slot)
    }

    // MARK: Judgement

    /// Once a second.
    mutating func judgeHotKeys() {
        for poolIndex in pools.indices {
            guard let hot = (poolViews + poolIndex).pointee.hot else { continue }
            let keys = hot.pointee.table.keys
            shared.hotKeys.post(
                HotKeyBoard.Entry(
                    snapshot: hot.pointee.sketch.snapshot(poolIndex: poolIndex, nowMs: nowMs),
                    hits: Dictionary(keys.map { ($0.pointee.hash, $0.pointee.hits) }) { $1 },
                    copied: Set(keys.filter { $0.pointee.firstCopy != nil }.map(\.pointee.hash)),
                    replicated: Set(
                        keys.filter { $0.pointee.generation?.pointee.state == .standing }.map(\.pointee.hash))),
                workerIndex: workerIndex)
            guard hot.pointee.makesCopies else { continue }
            openMarkedKeys(hot, keys)
            followHeat(hot)
            dropOldCopies(hot)
            (poolViews + poolIndex).pointee.counters.set(.copies, hot.pointee.table.copyCount)
            (poolViews + poolIndex).pointee.counters.set(.copyBytes, hot.pointee.table.sizeBytes)
            (poolViews + poolIndex).pointee.counters.set(.spreadCopies, hot.pointee.spreadCopies)
            (poolViews + poolIndex).pointee.counters.set(.spreadBytes, hot.pointee.spreadBytes)
            (poolViews + poolIndex).pointee.counters.set(.hotKeys, hot.pointee.table.keyCount)
        }
    }

    /// Requests that were sent before a key was known to be hot may bring newer values than its first copies.
    private mutating func openMarkedKeys(_ hot: HotPoolRef, _ keys: [CopiedKeyRef]) {
        let marked = keys.filter { !$0.pointee.isOpen }
        if marked.isEmpty { return }
        for client in clients where client.pointee.poolIndex == hot.pointee.poolIndex {
            guard client.pointee.inFlightCount > 0 else { continue }
            touchAll(client)
        }
        for key in marked { key.pointee.isOpen = true }
    }

    private mutating func followHeat(_ hot: HotPoolRef) {
        let options = pools[hot.pointee.poolIndex].options.hotKeys
        let report = HotKeyReport(
            shared.hotKeys.entries(ofPool: hot.pointee.poolIndex).map(\.snapshot), countMax: 2 * options.keyCountMax)
        var stay: Set<CopiedKeyRef> = []
        for found in report.keys where stay.count < options.keyCountMax && found.key.isWhole {
            found.key.bytes.withUnsafeBufferPointer { bytes in
                let name = ByteView(start: bytes.baseAddress ?? Self.noBytes, count: bytes.count)
                let hash = SeededHash.value(of: name.start, count: name.count, seed: hot.pointee.seed)
                let known = hot.pointee.table.key(hash, name)
                guard options.policy.isHot(found, wasHot: known != nil) else { return }
                stay.insert(known ?? mark(hash, name, hot))
            }
        }
        // That somebody waits for a key's fill or copy must be known, should they write the key.
        for key in hot.pointee.table.keys where !stay.contains(key) && !key.pointee.isAwaited {
            coolDown(key, hot)
        }
        closeUnusedCovers(hot)
    }

    /// What an empty key's view begins with.
    private static var noBytes: UnsafePointer<UInt8> { StaticString("").utf8Start }

    private mutating func mark(_ hash: UInt64, _ name: ByteView, _ hot: HotPoolRef) -> CopiedKeyRef {
        let index = shardIndex(of: name, poolViews + hot.pointee.poolIndex)
        let key = hot.pointee.table.insertKey(
            hash, name, shardIndex: index, isGuarded: isGuarded(name, poolIndex: hot.pointee.poolIndex))
        hot.pointee.slots.changeHotCount(key.pointee.slot, by: 1)
        openCover(hot.pointee.covers + index, hot)
        log.info("key '\(Self.text(name))' of pool \(pools[hot.pointee.poolIndex].options.name) is hot")
        return key
    }

    private mutating func coolDown(_ key: CopiedKeyRef, _ hot: HotPoolRef) {
        dropCopies(of: key, hot)
        var next = key.pointee.firstFill
        while let fill = next {
            next = fill.pointee.nextOfKey
            fill.pointee.key = nil
        }
        key.pointee.firstFill = nil
        forgetKey(of: key.pointee.firstEnded)
        key.pointee.firstEnded = nil
        hot.pointee.slots.changeHotCount(key.pointee.slot, by: -1)
        hot.pointee.table.removeKey(key)
    }

    private mutating func closeUnusedCovers(_ hot: HotPoolRef) {
        let used = Set(hot.pointee.table.keys.map(\.pointee.shardIndex))
        for index in 0..<hot.pointee.shardCount where !used.contains(index) { closeCover(hot.pointee.covers + index) }
    }

    /// Those that nobody asked for since they ended.
    private mutating func dropOldCopies(_ hot: HotPoolRef) {
        for key in hot.pointee.table.keys {
            var next = key.pointee.firstCopy
            while let copy = next {
                next = copy.pointee.nextOfKey
                if nowMs >= copy.pointee.untilMs { drop(copy, hot) }
            }
        }
    }

    /// Memory is short.
    mutating func dropAllCopies() {
        for poolIndex in pools.indices {
            guard let hot = (poolViews + poolIndex).pointee.hot else { continue }
            for key in hot.pointee.table.keys { dropCopies(of: key, hot) }
        }
    }

    /// Keys have other shards now.
    mutating func forgetHotKeys(ofPool poolIndex: Int) {
        guard let hot = (poolViews + poolIndex).pointee.hot else { return }
        for key in hot.pointee.table.keys { coolDown(key, hot) }
        closeUnusedCovers(hot)
    }

    // MARK: Words

    private static var shownCountDefault: Int { 20 }

    /// KEYWAY HOTKEYS [BIG | SLOTS] [COUNT n] [POOL name].
    mutating func answerHotKeys(_ client: ClientRef, _ request: RequestView) {
        var countMax = Self.shownCountDefault
        var poolIndex = client.pointee.poolIndex
        let list = request.argumentCount > 2 ? HotKeyList(rawValue: Self.text(request[2]).uppercased()) : nil
        for index in stride(from: list == nil ? 2 : 3, to: request.argumentCount, by: 2) {
            guard index + 1 < request.argumentCount else { return answerNow(client, error: ProxyError.syntax) }
            let value = Self.text(request[index + 1], limit: 1_024)
            switch Self.text(request[index]).uppercased() {
            case "COUNT":
                guard let count = Int(value), count >= 0 else {
                    return answerNow(client, error: ProxyError.notAnInteger)
                }
                countMax = count
            case "POOL":
                guard let found = pools.firstIndex(where: { $0.options.name == value }) else {
                    let known = pools.map(\.options.name).joined(separator: ", ")
                    return answerNow(client, error: "ERR there is no pool '\(value)'; the pools are \(known)")
                }
                poolIndex = found
            default: return answerNow(client, error: ProxyError.syntax)
            }
        }
        guard pools[poolIndex].options.hotKeys.mode != .off else {
            return answerNow(
                client,
                error: "ERR pool \(pools[poolIndex].options.name) does not look for hot keys; set `hot_keys: observe`, "
                    + "`cache` or `replicate` for it")
        }
        switch list {
        case .big: showBigKeys(client, poolIndex, countMax: countMax)
        case .slots: showHotSlots(client, poolIndex, countMax: countMax)
        case nil: showHotKeys(client, poolIndex, countMax: countMax)
        }
    }

    private mutating func showHotKeys(_ client: ClientRef, _ poolIndex: Int, countMax: Int) {
        let entries = shared.hotKeys.entries(ofPool: poolIndex)
        let report = HotKeyReport(entries.map(\.snapshot), countMax: countMax)
        let names = pools[poolIndex].options.shards.map(\.name)
        let rows = report.keys.map { found -> [(String, [UInt8])] in
            let hash = hotKeyHash(of: found.key.bytes)
            let hits = entries.reduce(0) { $0 + ($1.hits[hash] ?? 0) }
            let numbers: [(String, String)] = [
                ("shard", names[found.shardIndex]),
                ("reads_per_second", Self.rate(found.heat.readsPerSecond)),
                ("writes_per_second", Self.rate(found.heat.writesPerSecond)),
                ("bytes_per_second", Self.rate(found.bytesPerSecond)),
                ("share_percent", Self.rate(found.sharePercent)),
                ("state", found.key.isWhole ? Self.copyState(hash, entries) : "none"), ("hits", String(hits)),
            ]
            return [("key", found.key.text)] + numbers.map { ($0.0, Array($0.1.utf8)) }
        }
        show(client, rows)
    }

    private func hotKeyHash(of key: [UInt8]) -> UInt64 {
        key.withUnsafeBufferPointer {
            SeededHash.value(of: $0.baseAddress ?? Self.noBytes, count: $0.count, seed: shared.hotKeys.seed)
        }
    }

    /// Where copies of a key are, for any worker.
    private static func copyState(_ hash: UInt64, _ entries: [HotKeyBoard.Entry]) -> String {
        if entries.contains(where: { $0.replicated.contains(hash) }) { return "replicated" }
        return entries.contains { $0.copied.contains(hash) } ? "cached" : "none"
    }

    /// As of the workers' last look, a second ago at most.
    func copyState(of key: [UInt8], poolIndex: Int) -> String {
        Self.copyState(hotKeyHash(of: key), shared.hotKeys.entries(ofPool: poolIndex))
    }

    static func rate(_ value: Double) -> String { String(Int(value.rounded())) }

    /// KEYWAY CACHE ON | OFF, for this connection.
    mutating func answerCache(_ client: ClientRef, _ request: RequestView) {
        switch Self.text(request[2]).uppercased() {
        case "ON": client.pointee.flags.remove(.refusesCopies)
        case "OFF": client.pointee.flags.insert(.refusesCopies)
        default: return answerNow(client, error: ProxyError.syntax)
        }
        answerNow(client, statics.ok)
    }
}
