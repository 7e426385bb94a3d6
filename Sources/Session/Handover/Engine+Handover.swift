// Engine+Handover: clients that leave for the process that takes this one's place, and those that come from the one
// before.
//
//     staying ──handOver()──► leaving: no further request of it is read ──► nothing under way ──► departing ──► gone
//
// Rule: a client leaves between two of its requests, when nothing of it is under way, with the bytes of it that were
// received and not yet used; so nobody loses a request or a reply, and order holds. Who is in the middle of something
// (a transaction, a command that blocks, a subscription, a long request) is read on until that is over, and stays until
// the drain if it is not.
// Not here: the sockets' way (Handover), who watches them (Worker).

import Glibc
import Platform
import Upstream
import Wire

extension Engine {
    /// Every client is to leave as soon as it can.
    mutating func handOver() {
        isHandingOver = true
        for client in clients {
            client.pointee.flags.insert(.leaving)
            markDirty(client)
        }
    }

    /// Of those that stay in the middle of something: who cannot go on here.
    mutating func endLingering(gone: Set<String>, moved: Set<String>) {
        for client in clients {
            let pool = pools[client.pointee.poolIndex].options.name
            let listens = client.pointee.state?.pointee.topics != nil
            let isMonitor = client.pointee.state?.pointee.isMonitor == true
            guard gone.contains(pool) || (moved.contains(pool) && listens) || isMonitor else { continue }
            _ = unblock(client, isError: false)
            if client.pointee.transfer == nil { releaseIntake(of: client) }
            end(client)
        }
    }

    /// For a client that is to leave, when all that can be written is written.
    ///
    /// - Returns: true when it goes now: the worker finds it in `departing`.
    mutating func leaves(_ client: ClientRef) -> Bool {
        guard client.pointee.state == nil, client.pointee.transfer == nil, !client.pointee.gate.contains(.ending)
        else { return false }
        client.pointee.gate.insert(.barrier)
        guard client.pointee.inFlightCount == 0, client.pointee.out.isEmpty,
            !client.pointee.flags.contains(.blocked), client.pointee.gate.isDisjoint(with: [.asking, .transfer])
        else { return false }
        departing = client
        return true
    }

    /// They could not go: the other process is gone. What is under way of each is answered first; whose barrier it is
    /// that waits for that, nobody knows.
    mutating func stay() {
        isHandingOver = false
        for client in clients {
            client.pointee.flags.remove(.leaving)
            markDirty(client)
        }
    }

    mutating func takeDeparting() -> ClientRef? {
        defer { departing = nil }
        return departing
    }

    func record(of client: ClientRef) -> ClientRecord {
        let nowS = UInt32(truncatingIfNeeded: nowMs / 1_000)
        let details = client.pointee.details?.takeUnretainedValue()
        var record = ClientRecord(
            pool: pools[client.pointee.poolIndex].options.name, id: client.pointee.id,
            version: Int(client.pointee.version.rawValue), database: Int(client.pointee.database),
            flags: client.pointee.flags.intersection(ClientRecord.keptFlags),
            ageS: Int(nowS &- client.pointee.connectedAtS), commandCount: client.pointee.commandCount)
        record.name = details?.name ?? ""
        record.libraryName = details?.libraryName ?? ""
        record.libraryVersion = details?.libraryVersion ?? ""
        record.takesRedirections = details?.takesRedirections ?? false
        if let intake = client.pointee.intake {
            record.unread = Array(UnsafeBufferPointer(start: intake.pointee.start, count: intake.pointee.unreadBytes))
        }
        return record
    }

    /// A client of the process before, with what it had sent.
    ///
    /// - Returns: nil when there is no place for it here any more: its pool or its database.
    mutating func adopt(_ record: ClientRecord, descriptor: Int32) -> ClientRef? {
        guard let poolIndex = pools.firstIndex(where: { $0.options.name == record.pool }),
            let version = UInt8(exactly: record.version).flatMap(RESPVersion.init(rawValue:)),
            isDatabase(record.database, of: poolIndex)
        else { return nil }
        let client = addClient(
            descriptor: descriptor, poolIndex: poolIndex, isAdmitted: true, id: record.id, ageS: record.ageS)
        client.pointee.flags.formUnion(record.flags)
        client.pointee.commandCount = record.commandCount
        // What it has seen there may be newer than what is copied here.
        touchAll(client)
        if !(record.name.isEmpty && record.libraryName.isEmpty && record.libraryVersion.isEmpty)
            || record.takesRedirections
        {
            let details = client.details
            details.name = record.name
            details.libraryName = record.libraryName
            details.libraryVersion = record.libraryVersion
            details.takesRedirections = record.takesRedirections
        }
        change(client, version: version, database: record.database)
        if !record.unread.isEmpty {
            precondition(client.pointee.intake == nil)
            record.unread.withUnsafeBufferPointer {
                keep(client, ByteView(start: $0.baseAddress.unsafelyUnwrapped, count: $0.count))
            }
            scheduleResume(client)
        }
        return client
    }

    private func isDatabase(_ database: Int, of poolIndex: Int) -> Bool {
        let options = pools[poolIndex].options
        return database == options.backend.database || (0..<options.databaseCount).contains(database)
    }
}
