// SimulatedStore: the data of one simulated server: values, counters and lists, with a version of each key for those
// who watch it, and what is left of its life. Of a value it keeps who wrote it and how long it is; bytes are made when
// they are read.
// Not here: connections, and who waits for a list (SimulatedBackend).

import Glibc

final class SimulatedStore {
    /// What one key holds: a value, a counter, a list, or nothing.
    private struct Entry {
        var writer = -1
        var sizeBytes = 0
        var counter = 0
        /// The parts that pushed.
        var list: [Int] = []
        var expiresAtMs = UInt64.max
        /// The connection that wrote it and has not yet said how long it lives; 0: none.
        var writtenBy = 0
        var exists: Bool { writer >= 0 || counter > 0 || !list.isEmpty }
    }

    private let ledger: Ledger
    private let world: World
    private var entries: [Entry]
    /// By key: grows with each change.
    private var versions: [Int]
    /// By key and client: the last part executed, for the order of one client's commands.
    private var lastParts: [Int]
    private let clientCount: Int
    /// Lists that have grown, for those who wait.
    var grownKeys: [Int] = []
    private(set) var flushedAtMs: UInt64 = 0

    init(ledger: Ledger, world: World) {
        self.ledger = ledger
        self.world = world
        clientCount = world.profile.clientCount + 1
        entries = Array(repeating: Entry(), count: world.profile.keyCount)
        versions = Array(repeating: 0, count: world.profile.keyCount)
        lastParts = Array(repeating: -1, count: world.profile.keyCount * clientCount)
    }

    func empty() {
        for key in entries.indices {
            if entries[key].exists { versions[key] += 1 }
            entries[key] = Entry()
        }
    }

    func flush() {
        empty()
        flushedAtMs = world.nowMs
    }

    func version(of key: Int) -> Int {
        expire(key)
        return versions[key]
    }

    func hasList(_ key: Int) -> Bool { !entries[key].list.isEmpty }

    // MARK: Life

    private func expire(_ key: Int) {
        guard entries[key].expiresAtMs <= world.nowMs else { return }
        versions[key] += 1
        entries[key] = Entry()
    }

    func limitLife(of key: Int, ms: Int) {
        expire(key)
        entries[key].writtenBy = 0
        if entries[key].exists { entries[key].expiresAtMs = world.nowMs + UInt64(ms) }
    }

    /// The connection may not say any more how long what it wrote lives.
    func forgive(connection: Int) {
        for key in entries.indices where entries[key].writtenBy == connection { entries[key].writtenBy = 0 }
    }

    /// A key that lives for ever though the connection that wrote it could have said otherwise; nil for none.
    var keyWithoutEnd: Int? { entries.indices.first { entries[$0].exists && entries[$0].writtenBy > 0 } }

    // MARK: Executing

    /// - Parameter missing: how the connection's protocol says that there is nothing.
    func execute(_ kind: RequestKind, _ part: Int, over socket: SimulatedSocket, missing: Outcome) {
        let key = ledger.parts[part].key
        expire(key)
        ledger.noteExecution(of: part)
        if ledger.parts[part].executionCount > 1 {
            // The reply of a connection that is no more reaches nobody.
            if socket.isClosedByEngine { return }
        } else {
            noteOrder(of: part)
        }
        ledger.parts[part].begin()
        ledger.parts[part].outcome = .integer
        if kind.isRead {
            read(kind, part, key, missing: missing)
        } else {
            write(kind, part, key)
            versions[key] += 1
            if entries[key].exists, entries[key].expiresAtMs == .max { entries[key].writtenBy = socket.number }
        }
    }

    private func read(_ kind: RequestKind, _ part: Int, _ key: Int, missing: Outcome) {
        let record = ledger.parts + part
        if kind == .exists {
            record.pointee.number = entries[key].exists ? 1 : 0
        } else {
            record.pointee.outcome = entries[key].writer >= 0 ? .value : missing
            record.pointee.number = entries[key].writer
            record.pointee.sizeBytes = entries[key].sizeBytes
        }
    }

    private func write(_ kind: RequestKind, _ part: Int, _ key: Int) {
        let record = ledger.parts + part
        switch kind {
        case .set, .setMany:
            entries[key].writer = part
            entries[key].sizeBytes = record.pointee.writtenBytes
            entries[key].expiresAtMs = .max
            record.pointee.outcome = .done
        case .append:
            entries[key].writer = part
            let sizeBytes = entries[key].sizeBytes + record.pointee.writtenBytes
            entries[key].sizeBytes = sizeBytes > Ledger.valueSizeBytesMax ? record.pointee.writtenBytes : sizeBytes
            record.pointee.number = entries[key].sizeBytes
        case .increment:
            entries[key].counter += 1
            record.pointee.number = entries[key].counter
        case .delete:
            record.pointee.number = entries[key].exists ? 1 : 0
            entries[key] = Entry()
        case .push:
            entries[key].list.append(part)
            record.pointee.number = entries[key].list.count
            grownKeys.append(key)
        default: preconditionFailure("SimulatedStore: \(kind) writes nothing")
        }
    }

    /// The first of a list goes to whoever asks or has waited; the list must not be empty.
    func pop(_ part: Int) {
        let key = ledger.parts[part].key
        ledger.noteExecution(of: part)
        noteOrder(of: part)
        ledger.parts[part].begin()
        ledger.parts[part].outcome = .element
        ledger.parts[part].number = entries[key].list.removeFirst()
        ledger.parts[part].sizeBytes = ledger.parts[ledger.parts[part].number].writtenBytes
        versions[key] += 1
        if !entries[key].exists { entries[key] = Entry() }
    }

    /// Commands of one client's connection on one key are executed in their order, unless its client was told that the
    /// earlier one is lost.
    private func noteOrder(of part: Int) {
        let request = ledger.requests + ledger.parts[part].request
        let place = ledger.parts[part].key * clientCount + request.pointee.client
        if lastParts[place] > part {
            let later = ledger.requests + ledger.parts[lastParts[place]].request
            if later.pointee.session == request.pointee.session { ledger.parts[part].wasOvertaken = true }
        } else {
            lastParts[place] = part
        }
    }
}
