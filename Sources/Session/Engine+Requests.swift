// Engine+Requests: from a client's bytes to requests, and from a request to what is done with it.
// Bytes are parsed where they were received. Only what is not a whole request, or may not be read yet, is copied into
// the client's intake, and from there on the socket is read straight into it.
// Not here: placing keys (Engine+Routing), long requests (Engine+Transfers), commands answered here (LocalCommands).

import Glibc
import Logging
import Platform
import Routing
import Telemetry
import Wire

extension Engine {
    // MARK: Bytes in

    /// Where the worker receives this client's next bytes.
    mutating func room(for client: ClientRef) -> (start: UnsafeMutablePointer<UInt8>, count: Int) {
        guard let intake = client.pointee.intake else { return roomInRequestChunk() }
        let chunk = intake.pointee.chunk
        // Behind a pinned piece the chunk may still be filled, but not moved.
        if client.pointee.transfer != nil {
            if chunk.roomBytes < Self.transferRoomBytesMin { renewIntake(intake) }
        } else if chunk.roomBytes < Self.intakeRoomBytesMin {
            growIntake(intake)
        }
        let grown = intake.pointee.chunk
        return (grown.data + grown.pointee.fillBytes, grown.roomBytes)
    }

    @inline(__always)
    private mutating func roomInRequestChunk() -> (start: UnsafeMutablePointer<UInt8>, count: Int) {
        if requestChunk.pointee.referenceCount == 1 {
            requestChunk.pointee.fillBytes = 0
        } else if requestChunk.roomBytes < Self.requestRoomBytesMin {
            renewRequestChunk()
        }
        return (requestChunk.data + requestChunk.pointee.fillBytes, requestChunk.roomBytes)
    }

    @inline(never)
    private mutating func renewRequestChunk() {
        buffers.chunks.release(requestChunk)
        requestChunk = buffers.chunks.takeStandard()
    }

    /// A read into less room than this would cut long requests needlessly.
    private static var requestRoomBytesMin: Int { 69_632 }
    private static var intakeRoomBytesMin: Int { 256 }
    /// A long request is read in large pieces.
    private static var transferRoomBytesMin: Int { 131_072 }
    /// Few reads and writes, and still in a core's own cache.
    private static var transferCapacityBytes: Int { 524_288 - Chunk.headerSizeBytes }

    /// `count` bytes lie where `room(for:)` said.
    mutating func received(_ client: ClientRef, count: Int) {
        client.pointee.activeAtS = UInt32(truncatingIfNeeded: nowMs / 1_000)
        counters.add(.bytesIn, count)
        if let intake = client.pointee.intake {
            intake.pointee.chunk.pointee.fillBytes += count
            readIntake(client)
        } else {
            let offset = requestChunk.pointee.fillBytes
            requestChunk.pointee.fillBytes = offset + count
            let used = readRequests(
                client, UnsafePointer(requestChunk.data + offset), count: count, chunk: requestChunk)
            if used < count, !client.pointee.flags.contains(.closed) {
                keep(client, offset: offset + used, count: count - used)
                readIntake(client)
            }
        }
    }

    /// The client will send no more. What it asked for is answered, then the connection closes.
    mutating func receivedEnd(_ client: ClientRef) {
        if let transfer = client.pointee.transfer, transfer.pointee.state != .sent {
            return close(client, .byClient)
        }
        if client.pointee.inFlightCount == 0, client.pointee.out.isEmpty { return close(client, .byClient) }
        pools[client.pointee.poolIndex].counters.add(.clientEof)
        releaseIntake(of: client)
        end(client)
    }

    /// Reads on where the gate had stopped. A client that was closed meanwhile is looked at once more, to be freed.
    mutating func resume(_ client: ClientRef) {
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        guard client.pointee.gate.isEmpty else { return }
        if client.pointee.intake != nil { readIntake(client) }
        markDirty(client)
    }

    mutating func takeResuming() -> ClientRef? {
        guard let client = resumingClients else { return nil }
        resumingClients = client.pointee.nextResuming
        client.pointee.nextResuming = nil
        client.pointee.flags.remove(.resuming)
        return client
    }

    /// The gate is open again; the worker calls `resume` before its next wait.
    mutating func scheduleResume(_ client: ClientRef) {
        guard !client.pointee.flags.contains(.resuming) else { return }
        client.pointee.flags.insert(.resuming)
        client.pointee.nextResuming = resumingClients
        resumingClients = client
    }

    // MARK: Intake

    /// Keeps the last `count` bytes of the request chunk, from `offset` on: a long rest with its chunk, a short one as
    /// a copy, so that a client that sends no more is no burden.
    private mutating func keep(_ client: ClientRef, offset: Int, count: Int) {
        guard count >= Self.adoptedBytesMin else {
            return keep(client, ByteView(start: requestChunk.data + offset, count: count))
        }
        let intake = intakes.take()
        client.pointee.intake = intake
        intake.initialize(to: Intake(chunk: requestChunk, startBytes: offset))
        requestChunk = buffers.chunks.takeStandard()
    }

    private static var adoptedBytesMin: Int { 65_536 }

    /// A copy of bytes that were received of the client, here or in the process before; it has no intake.
    mutating func keep(_ client: ClientRef, _ bytes: ByteView) {
        let chunk = buffers.chunks.take(atLeast: max(1_024, bytes.count * 2))
        memcpy(chunk.data, bytes.start, bytes.count)
        chunk.pointee.fillBytes = bytes.count
        let intake = intakes.take()
        intake.initialize(to: Intake(chunk: chunk, startBytes: 0))
        client.pointee.intake = intake
    }

    mutating func releaseIntake(of client: ClientRef) {
        guard let intake = client.pointee.intake else { return }
        buffers.chunks.release(intake.pointee.chunk)
        intakes.giveBack(intake)
        client.pointee.intake = nil
    }

    /// Doubles with what has come, never with what was announced.
    private mutating func growIntake(_ intake: UnsafeMutablePointer<Intake>) {
        moveIntake(intake, to: buffers.chunks.take(atLeast: max(4_096, intake.pointee.unreadBytes * 2)))
    }

    /// What was read before belongs to a line now; hardly anything is left to move.
    private mutating func renewIntake(_ intake: UnsafeMutablePointer<Intake>) {
        let wantedBytes = max(Self.transferCapacityBytes, intake.pointee.unreadBytes * 2)
        moveIntake(intake, to: buffers.chunks.take(atLeast: wantedBytes))
    }

    private mutating func moveIntake(_ intake: UnsafeMutablePointer<Intake>, to chunk: ChunkRef) {
        let unread = intake.pointee.unreadBytes
        memcpy(chunk.data, intake.pointee.start, unread)
        chunk.pointee.fillBytes = unread
        buffers.chunks.release(intake.pointee.chunk)
        intake.pointee.chunk = chunk
        intake.pointee.startBytes = 0
    }

    private mutating func readIntake(_ client: ClientRef) {
        while client.pointee.gate.isEmpty, let intake = client.pointee.intake, intake.pointee.unreadBytes > 0 {
            guard isRequestWhole(client, intake) else { break }
            let used = readRequests(
                client, UnsafePointer(intake.pointee.start), count: intake.pointee.unreadBytes,
                chunk: intake.pointee.chunk)
            // A fault, a transfer or a close may have taken the intake away.
            guard client.pointee.intake == intake, used > 0 else { break }
            intake.pointee.consume(used)
        }
        if client.pointee.transfer != nil { return continueTransfer(client) }
        if let intake = client.pointee.intake, intake.pointee.unreadBytes == 0 { releaseIntake(of: client) }
    }

    /// Looks only at bytes that are new. False: more must come first, or the request became a transfer.
    private mutating func isRequestWhole(_ client: ClientRef, _ intake: UnsafeMutablePointer<Intake>) -> Bool {
        // An inline request is one line, short enough to be looked at again.
        if intake.pointee.start[0] != UInt8(ascii: "*") { return true }
        let unseen = intake.pointee.unreadBytes - intake.pointee.scannedBytes
        let limits = limits(of: client)
        switch intake.pointee.scanner.advance(
            intake.pointee.start + intake.pointee.scannedBytes, count: unseen, limits: limits)
        {
        case .complete: return true
        case .malformed: return true
        case .incomplete(let usedBytes):
            intake.pointee.scannedBytes += usedBytes
            if intake.pointee.unreadBytes > limits.requestSizeBytesMax {
                fail(client, .requestTooLong(limitBytes: limits.requestSizeBytesMax))
            } else if intake.pointee.unreadBytes >= Self.transferBytesMin {
                startTransferIfPossible(client)
            }
            return false
        }
    }

    private func limits(of client: ClientRef) -> ParserLimits {
        var limits = options.limits
        if !client.pointee.flags.contains(.authenticated) {
            limits.argumentCountMax = ParserLimits.argumentCountMaxUnauthenticated
            limits.bulkSizeBytesMax = ParserLimits.bulkSizeBytesMaxUnauthenticated
        }
        return limits
    }

    // MARK: Requests

    /// Takes as many whole requests as the gate lets through.
    ///
    /// - Parameter chunk: what the bytes lie in.
    /// - Returns: bytes used.
    private mutating func readRequests(
        _ client: ClientRef, _ start: UnsafePointer<UInt8>, count: Int, chunk: ChunkRef
    ) -> Int {
        let limits = limits(of: client)
        let inFlightMax = inFlightMax(of: client)
        var offset = 0
        while offset < count {
            if client.pointee.inFlightCount >= inFlightMax { client.pointee.gate.insert(.inFlight) }
            if !client.pointee.gate.isEmpty {
                markDirty(client)
                break
            }
            if start[offset] != UInt8(ascii: "*") {
                let used = readInline(client, start + offset, count: count - offset)
                if used == 0 { break }
                offset += used
                continue
            }
            switch RequestParser.parse(start + offset, count: count &- offset, limits: limits, arguments: &arguments) {
            case .complete(let request):
                guard handle(client, request, chunk: chunk) else { return offset }
                if client.pointee.flags.contains(.closed) { return count }
                offset &+= request.sizeBytes
            case .empty(let sizeBytes): offset += sizeBytes
            case .incomplete: return offset
            case .malformed(let fault):
                fail(client, client.pointee.flags.contains(.authenticated) ? fault : Self.unauthenticated(fault))
                return offset
            }
        }
        return offset
    }

    private static func unauthenticated(_ fault: RequestFault) -> RequestFault {
        switch fault {
        case .argumentCountInvalid: .argumentCountUnauthenticated
        case .bulkLengthInvalid: .bulkLengthUnauthenticated
        default: fault
        }
    }

    /// As many as fit into the output budget at the size of this client's last replies.
    func inFlightMax(of client: ClientRef) -> Int {
        let fitting = options.outputSizeBytesMax / 4 / Int(max(1, client.pointee.replyBytesAverage))
        return min(options.inFlightMax, max(1, fitting))
    }

    /// - Returns: bytes used; 0 when the line is not all there, or must wait.
    private mutating func readInline(_ client: ClientRef, _ start: UnsafePointer<UInt8>, count: Int) -> Int {
        guard let end = memchr(start, 10, count) else {
            if count > options.limits.inlineSizeBytesMax { fail(client, .inlineTooLong) }
            return 0
        }
        let lineBytes = UnsafeRawPointer(end) - UnsafeRawPointer(start)
        guard lineBytes <= options.limits.inlineSizeBytesMax else {
            fail(client, .inlineTooLong)
            return 0
        }
        guard let bytes = InlineParser.arrayForm(of: UnsafeRawBufferPointer(start: start, count: lineBytes)) else {
            fail(client, .unbalancedQuotes)
            return 0
        }
        var isTaken = true
        if !bytes.isEmpty {
            bytes.withUnsafeBufferPointer { buffer in
                guard
                    case .complete(let request) = RequestParser.parse(
                        buffer.baseAddress!, count: buffer.count, limits: options.limits, arguments: &arguments)
                else { preconditionFailure("InlineParser made a request that RequestParser does not take") }
                isTaken = handle(client, request, chunk: nil)
            }
        }
        return isTaken ? lineBytes + 1 : 0
    }

    /// The client's bytes are no requests: it is told why, and the connection ends.
    mutating func fail(_ client: ClientRef, _ fault: RequestFault) {
        let sequence = client.pushSlot(pool: &slots)
        answer(client, sequence, error: "ERR \(fault.text)")
        log.info("client \(client.pointee.id): \(fault.text); answered and closed")
        releaseIntake(of: client)
        end(client)
    }

    // MARK: Commands

    /// - Returns: false when the request must be read again, once those before it are answered.
    @inline(__always)
    private mutating func handle(_ client: ClientRef, _ request: RequestView, chunk: ChunkRef?) -> Bool {
        let pool = poolViews + client.pointee.poolIndex
        pool.pointee.counters.add(.commands)
        client.pointee.commandCount &+= 1
        guard let row = plainRow(client, request), !needsCare else {
            return handleWithCare(client, request, chunk: chunk)
        }
        forwardPlain(client, request, row, chunk: chunk)
        return !isPutOff || !takePutOff()
    }

    /// Nil for all but a command of one key that its client may have forwarded as it is.
    @inline(__always)
    private func plainRow(_ client: ClientRef, _ request: RequestView) -> UnsafePointer<CommandRow>? {
        let name = request[0]
        guard let row = commands.row(name: name.start, count: name.count), row.pointee.commandClass == .key,
            row.pointee.accepts(argumentCount: request.argumentCount), client.pointee.flags.isPlain
        else { return nil }
        return row
    }

    @inline(__always)
    private mutating func forwardPlain(
        _ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>, chunk: ChunkRef?
    ) {
        client.pointee.lastCommand = row.pointee.id.rawValue
        forward(client, request, row, keyArgument: Int(row.pointee.keyFirst), chunk: chunk)
    }

    @inline(never)
    private mutating func handleWithCare(_ client: ClientRef, _ request: RequestView, chunk: ChunkRef?) -> Bool {
        // The request may be gone when it has been handled, and it is shown once however often it is put off.
        if isPaused, waitsForPause(client, request) { return !takePutOff() }
        let shown = isMonitored ? monitored(client, request) : nil
        let traced = traced(client, request)
        let sequence = client.pointee.tail
        // Who looks on changes nothing.
        if let row = plainRow(client, request) {
            forwardPlain(client, request, row, chunk: chunk)
        } else {
            handleUncommon(client, request, chunk: chunk)
        }
        if takePutOff() { return false }
        if let traced { begin(traced, client, sequence) }
        if client.pointee.flags.contains(.uncommon) { endCaching(client) }
        if let shown { show(shown, database: Int(client.pointee.database)) }
        return true
    }

    private mutating func handleUncommon(_ client: ClientRef, _ request: RequestView, chunk: ChunkRef?) {
        joinsNothingOlder(client)
        guard var row = commands.row(name: request[0].start, count: request[0].count) else {
            client.pointee.lastCommand = CommandID.learned.rawValue
            let isKnown =
                client.pointee.flags.contains(.authenticated)
                && (answerKeywayCommand(client, request) || handleLearned(client, request, chunk: chunk))
            if isKnown { return }
            abortTransaction(of: client)
            return answerNow(client, error: Self.unknownCommand(request))
        }
        if row.pointee.flags.contains(.container), request.argumentCount > 1 {
            guard let found = commands.subcommand(of: row, name: request[1].start, count: request[1].count) else {
                abortTransaction(of: client)
                let container = commandTable.name(of: row.pointee.id)
                return answerNow(
                    client,
                    error: Array("ERR unknown subcommand '".utf8) + Self.printed(request[1], limit: 128)
                        + Array("'. Try \(container) HELP.".utf8))
            }
            row = found
        }
        client.pointee.lastCommand = row.pointee.id.rawValue
        guard row.pointee.accepts(argumentCount: request.argumentCount) else {
            return rejectArity(client, row)
        }
        guard client.pointee.flags.contains(.authenticated) || row.pointee.flags.contains(.noAuth) else {
            return reject(client, ProxyError.noAuth)
        }
        if putsOffWhileLeaving(client, row) { return }
        if let error = refusalWhileListening(client, row) { return reject(client, error) }
        guard passesWatch(client, request, row) else { return }
        if !queueIfInTransaction(client, request, row) { route(client, request, row, chunk: chunk) }
        hotMark = 0
    }

    /// What a request that is not a plain single-key one does to copies of hot keys, to kept values and to leases; such
    /// a one is looked at where it is forwarded.
    ///
    /// - Returns: false when it was refused, or is put off; otherwise its reply gets `hotMark`.
    mutating func passesWatch(_ client: ClientRef, _ request: RequestView, _ row: UnsafePointer<CommandRow>) -> Bool {
        guard row.pointee.commandClass != .key || client.pointee.state != nil else { return true }
        if let hot = (poolViews + client.pointee.poolIndex).pointee.hot, hot.pointee.makesCopies {
            if hot.pointee.hidesCopies, namesHiddenKey(request, row) {
                reject(client, ProxyError.reservedKey)
                return false
            }
            hotMark = noteHotKeys(client, request, row, hot)
            if isPutOff { return false }
        }
        if bringsTooLate(client, request, row) {
            hotMark = 0
            reject(client, leaseLost(client))
            return false
        }
        hotMark = HotSlotsView.join(hotMark, endKeptValues(client, request, row))
        return true
    }

    private mutating func rejectArity(_ client: ClientRef, _ row: UnsafePointer<CommandRow>) {
        let error = ProxyError.wrongArity(wireName(row))
        guard row.pointee.id == .exec else { return reject(client, error) }
        discard(client, error: "EXECABORT Transaction discarded because of: " + error.dropFirst("ERR ".count))
    }

    /// The request is none that could be executed; a transaction that it stands in will not be either.
    private mutating func reject(_ client: ClientRef, _ error: String) {
        abortTransaction(of: client)
        answerNow(client, error: error)
    }

    /// Valkey's words, with its own cut at 128 bytes.
    private static func unknownCommand(_ request: RequestView) -> [UInt8] {
        var shown: [UInt8] = []
        for index in 1..<max(1, request.argumentCount) {
            if shown.count >= 128 { break }
            shown += Array("'".utf8) + printed(request[index], limit: 128 - shown.count) + Array("' ".utf8)
        }
        return Array("ERR unknown command '".utf8) + printed(request[0], limit: 128)
            + Array("', with args beginning with: ".utf8) + shown
    }

    /// As a C library prints it: up to the first zero.
    static func printed(_ bytes: ByteView, limit: Int = .max) -> [UInt8] {
        Array(bytes.buffer.prefix(limit).prefix { $0 != 0 })
    }

    /// A whole number in its one form, as servers take it.
    static func integer(_ bytes: ByteView) -> Int? { ArgumentText.integer(Array(bytes.buffer)) }

    static func text(_ bytes: ByteView, limit: Int = 128) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: bytes.start, count: min(bytes.count, max(0, limit))), as: UTF8.self)
    }
}
