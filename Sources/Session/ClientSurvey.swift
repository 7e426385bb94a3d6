// ClientSurvey: CLIENT LIST, KILL and UNBLOCK ask every worker about its clients; the last one to answer sends it home.
// Not here: which clients are meant (ClientFilter), the commands (Engine+ClientCommands).

import Synchronization

final class ClientSurvey: Sendable {
    enum Purpose: Sendable {
        case list
        /// `isOldForm`: `CLIENT KILL addr:port`, which answers OK or an error.
        case kill(isOldForm: Bool)
        case unblock(isError: Bool)
    }

    let purpose: Purpose
    let filter: ClientFilter
    let origin: Mailbox
    /// The asking client's address in memory, and its place for the reply; its worker keeps both.
    let client: UInt
    let sequence: UInt32

    private struct Findings {
        var workersLeft: Int
        var lines: [(id: Int, text: String)] = []
        var count = 0
    }
    private let findings: Mutex<Findings>

    init(
        _ purpose: Purpose, filter: ClientFilter, origin: Mailbox, client: UInt, sequence: UInt32, workerCount: Int
    ) {
        self.purpose = purpose
        self.filter = filter
        self.origin = origin
        self.client = client
        self.sequence = sequence
        findings = Mutex(Findings(workersLeft: workerCount))
    }

    /// One worker's answer; the last one goes back to the worker that asked.
    func add(lines: [(id: Int, text: String)], count: Int) {
        let isLast = findings.withLock { findings in
            findings.lines += lines
            findings.count += count
            findings.workersLeft -= 1
            return findings.workersLeft == 0
        }
        if isLast { origin.post(.surveyed(self)) }
    }

    /// One line a client, by id.
    var listText: String {
        findings.withLock { $0.lines.sorted { $0.id < $1.id }.map { $0.text + "\n" }.joined() }
    }

    var count: Int { findings.withLock { $0.count } }
}
