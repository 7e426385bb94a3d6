// Engine+ClientCommands: CLIENT and its subcommands.
// What is about this connection is answered at once; LIST and KILL ask every worker (ClientSurvey).
// Not here: everything else that Keyway answers (Engine+LocalCommands).

import Glibc
import Platform
import Routing
import Upstream
import Wire

extension Engine {
    mutating func answerClientCommand(_ client: ClientRef, _ request: RequestView, _ id: CommandID) {
        switch id {
        case .clientId: answerNow(client) { $0.integer(client.pointee.id) }
        case .clientGetname:
            let name = client.pointee.details?.takeUnretainedValue().name ?? ""
            answerNow(client) { if name.isEmpty { $0.null() } else { $0.bulk(name) } }
        case .clientSetname: setName(client, request)
        case .clientSetinfo: setInfo(client, request)
        case .clientInfo:
            let text = describe(client) + "\n"
            answerNow(client) { $0.verbatim(text) }
        case .clientNoEvict: setFlag(.noEvict, client, request)
        case .clientNoTouch: setFlag(.noTouch, client, request)
        case .clientReply: setReply(client, request)
        case .clientList: list(client, request)
        case .clientKill: kill(client, request)
        case .clientUnblock: unblock(client, request)
        case .clientGetredir: answerNow(client) { $0.integer(-1) }
        case .clientPause: pauseClients(client, request)
        case .clientUnpause: unpauseClients(client)
        case .clientTracking: track(client, request, commands[id])
        case .clientCaching: trackNext(client, request, commands[id])
        case .clientTrackinginfo: describeTracking(client, request)
        case .clientCapa: setCapabilities(client, request)
        case .clientImportSource where Self.text(request[2]).lowercased() == "off": answerNow(client, statics.ok)
        case .clientImportSource: answerNow(client, error: "ERR Server is not in import mode")
        default:
            answerNow(
                client,
                error: ProxyError.notSupported(
                    commandTable.wireName(of: id),
                    why: "connections to servers are shared by all clients; connect to a server directly for that"))
        }
    }

    // MARK: This connection

    private mutating func setName(_ client: ClientRef, _ request: RequestView) {
        let name = Self.text(request[2], limit: 1_024)
        if let error = Self.faultInName(name) { return answerNow(client, error: error) }
        client.details.name = name
        answerNow(client, statics.ok)
    }

    private mutating func setInfo(_ client: ClientRef, _ request: RequestView) {
        let option = Self.text(request[2]).lowercased()
        let value = Self.text(request[3], limit: 1_024)
        guard option == "lib-name" || option == "lib-ver" else {
            return answerNow(client, error: "ERR Unrecognized option '\(Self.text(request[2]))'")
        }
        guard Self.faultInName(value) == nil else {
            return answerNow(
                client, error: "ERR \(Self.text(request[2])) cannot contain spaces, newlines or special characters.")
        }
        if option == "lib-name" { client.details.libraryName = value } else { client.details.libraryVersion = value }
        answerNow(client, statics.ok)
    }

    /// What a client tells of itself for redirections, of which Keyway makes none; what it does not know is ignored.
    private mutating func setCapabilities(_ client: ClientRef, _ request: RequestView) {
        for index in 2..<request.argumentCount where Self.text(request[index]).lowercased() == "redirect" {
            client.details.takesRedirections = true
        }
        answerNow(client, statics.ok)
    }

    private mutating func setFlag(_ flag: ClientFlags, _ client: ClientRef, _ request: RequestView) {
        switch Self.text(request[2]).lowercased() {
        case "on": client.pointee.flags.insert(flag)
        case "off": client.pointee.flags.remove(flag)
        default: return answerNow(client, error: ProxyError.syntax)
        }
        answerNow(client, statics.ok)
    }

    /// ON answers; OFF and SKIP do not, as in Valkey.
    private mutating func setReply(_ client: ClientRef, _ request: RequestView) {
        switch Self.text(request[2]).lowercased() {
        case "on":
            client.pointee.flags.subtract([.replyOff, .replySkip])
            answerNow(client, statics.ok)
        case "off": client.pointee.flags.insert(.replyOff)
        case "skip":
            if !client.pointee.flags.contains(.replyOff) { client.pointee.flags.insert(.replySkip) }
        default: answerNow(client, error: ProxyError.syntax)
        }
    }

    // MARK: All connections

    private mutating func list(_ client: ClientRef, _ request: RequestView) {
        guard request.argumentCount != 3 else { return answerNow(client, error: ProxyError.syntax) }
        survey(.list, client, request, skipsAsker: false)
    }

    private mutating func kill(_ client: ClientRef, _ request: RequestView) {
        if request.argumentCount == 3 {
            let address = Self.text(request[2])
            return startSurvey(.kill(isOldForm: true), ClientFilter(address: address), client)
        }
        survey(.kill(isOldForm: false), client, request, skipsAsker: true)
    }

    private mutating func survey(
        _ purpose: ClientSurvey.Purpose, _ client: ClientRef, _ request: RequestView, skipsAsker: Bool
    ) {
        do throws(ClientFilter.Refusal) {
            let filter = try ClientFilter(
                words: Self.words(request), askerID: client.pointee.id, skipsAsker: skipsAsker,
                databaseCount: pools[client.pointee.poolIndex].options.databaseCount)
            startSurvey(purpose, filter, client)
        } catch {
            answerNow(client, error: error.text)
        }
    }

    private mutating func unblock(_ client: ClientRef, _ request: RequestView) {
        var isError = false
        if request.argumentCount == 4 {
            switch Self.text(request[3]).lowercased() {
            case "timeout": break
            case "error": isError = true
            default: return answerNow(client, error: "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
            }
        }
        guard let id = Self.integer(request[2]) else { return answerNow(client, error: ProxyError.notAnInteger) }
        startSurvey(.unblock(isError: isError), ClientFilter(id: id), client)
    }

    private mutating func startSurvey(_ purpose: ClientSurvey.Purpose, _ filter: ClientFilter, _ client: ClientRef) {
        let sequence = client.pushSlot(pool: &slots)
        expectAnswer(for: client)
        let boxes = shared.mailboxes
        let survey = ClientSurvey(
            purpose, filter: filter, origin: boxes[workerIndex], client: UInt(bitPattern: client), sequence: sequence,
            workerCount: boxes.count)
        for box in boxes { box.post(.survey(survey)) }
    }

    /// This worker's part of a survey.
    mutating func answer(_ survey: ClientSurvey) {
        var lines: [(id: Int, text: String)] = []
        var killed: [ClientRef] = []
        var unblockedCount = 0
        for client in clients {
            guard survey.filter.matches(portrait(of: client)) else { continue }
            switch survey.purpose {
            case .list: lines.append((client.pointee.id, describe(client)))
            case .kill: killed.append(client)
            case .unblock(let isError): if unblock(client, isError: isError) { unblockedCount += 1 }
            }
        }
        for client in killed {
            // The one that asked still gets its answer.
            if UInt(bitPattern: client) == survey.client { end(client) } else { close(client, .byProxy) }
        }
        survey.add(lines: lines, count: killed.count + unblockedCount)
    }

    /// All workers have told.
    mutating func finish(_ survey: ClientSurvey) {
        let client = ClientRef(bitPattern: survey.client)!
        noteAnswer(for: client)
        if client.pointee.flags.contains(.closed) { return markDirty(client) }
        var reply = ReplyBuilder(version: client.pointee.version)
        switch survey.purpose {
        case .list: reply.verbatim(survey.listText)
        case .kill(isOldForm: false), .unblock: reply.integer(survey.count)
        case .kill(isOldForm: true):
            if survey.count > 0 { reply.simple("OK") } else { reply.error("ERR No such client") }
        }
        answer(client, survey.sequence, bytes: reply.bytes)
    }

    private func peerText(_ client: ClientRef) -> String {
        Socket.peerAddress(of: client.pointee.descriptor)?.text ?? "?"
    }

    private func localText(_ client: ClientRef) -> String {
        Socket.localAddress(of: client.pointee.descriptor)?.text ?? "?"
    }

    private func portrait(of client: ClientRef) -> ClientPortrait {
        let nowS = UInt32(truncatingIfNeeded: nowMs / 1_000)
        let details = client.pointee.details?.takeUnretainedValue()
        return ClientPortrait(
            id: client.pointee.id, address: peerText(client), localAddress: localText(client),
            isSubscriber: client.pointee.state?.pointee.topics != nil, flags: flags(of: client),
            name: details?.name ?? "", libraryName: details?.libraryName ?? "",
            libraryVersion: details?.libraryVersion ?? "", database: Int(client.pointee.database),
            takesRedirections: details?.takesRedirections ?? false, ageS: Int(nowS &- client.pointee.connectedAtS),
            idleS: Int(nowS &- client.pointee.activeAtS))
    }

    /// Valkey's letters, in its order; N for none.
    private func flags(of client: ClientRef) -> String {
        let state = client.pointee.state?.pointee
        let isByUnixSocket = Socket.localAddress(of: client.pointee.descriptor)?.family == AF_UNIX
        let letters: [(String, Bool)] = [
            ("O", state?.isMonitor ?? false), ("P", state?.topics != nil), ("x", state?.transaction != nil),
            ("b", state?.isBlocked ?? false), ("t", state?.isTracking ?? false),
            ("c", client.pointee.gate.contains(.ending)), ("U", isByUnixSocket),
            ("e", client.pointee.flags.contains(.noEvict)), ("T", client.pointee.flags.contains(.noTouch)),
        ]
        let text = letters.map { $0.1 ? $0.0 : "" }.joined()
        return text.isEmpty ? "N" : text
    }

    /// One client as CLIENT LIST shows it.
    private func describe(_ client: ClientRef) -> String {
        let portrait = portrait(of: client)
        let command = commandTable.wireName(of: CommandID(rawValue: client.pointee.lastCommand) ?? .ping)
        let intakeBytes = client.pointee.intake?.pointee.unreadBytes ?? 0
        let state = client.pointee.state?.pointee
        let topics = state?.topics?.takeUnretainedValue()
        let queued = state?.transaction?.pointee.commandCount ?? -1
        let isWatching = (state?.watchedShard ?? -1) >= 0
        let fields: [(String, String)] = [
            ("id", String(portrait.id)), ("addr", portrait.address), ("laddr", portrait.localAddress),
            ("fd", String(client.pointee.descriptor)), ("name", portrait.name),
            ("age", String(portrait.ageS)), ("idle", String(portrait.idleS)),
            ("flags", portrait.flags), ("capa", portrait.takesRedirections ? "r" : ""),
            ("db", String(portrait.database)),
            ("sub", String(topics?.names(.channel).count ?? 0)), ("psub", String(topics?.names(.pattern).count ?? 0)),
            ("ssub", String(topics?.names(.shardChannel).count ?? 0)), ("multi", String(queued)),
            ("watch", isWatching ? "1" : "0"),
            ("qbuf", String(intakeBytes)), ("qbuf-free", "0"), ("argv-mem", "0"), ("multi-mem", "0"), ("rbs", "0"),
            ("rbp", "0"), ("obl", "0"), ("oll", String(client.pointee.inFlightCount)),
            ("omem", String(client.pointee.heldBytes)),
            ("tot-mem", String(MemoryLayout<Client>.size + intakeBytes + client.pointee.heldBytes)), ("events", "r"),
            ("cmd", command), ("user", "default"), ("redir", "-1"), ("resp", String(client.pointee.version.rawValue)),
            ("lib-name", portrait.libraryName), ("lib-ver", portrait.libraryVersion),
            ("tot-cmds", String(client.pointee.commandCount)), ("pool", pools[client.pointee.poolIndex].options.name),
            ("worker", String(workerIndex)),
        ]
        return fields.map { "\($0.0)=\($0.1)" }.joined(separator: " ")
    }
}
