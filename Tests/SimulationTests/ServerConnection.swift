// ServerConnection: one connection from its simulated server's side, with all that the server remembers of it.
// Not here: what is done with it (SimulatedBackend).

final class ServerConnection {
    /// A command that waits for a list to have something.
    struct Wait {
        let part: Int
        /// `UInt64.max`: for ever.
        let untilMs: UInt64
    }

    let socket: SimulatedSocket
    /// As CLIENT ID tells it; 0 before anybody asked.
    var clientID = 0
    var speaksRESP3 = false
    var isInTransaction = false
    var isTransactionRefused = false
    var queued: [(kind: RequestKind, parts: [Int])] = []
    /// Keys that it watches, with their versions when it began.
    var watched: [(key: Int, version: Int)] = []
    var wait: Wait?
    var topics: [SimulatedTopic] = []
    /// It said CLIENT TRACKING ON OPTIN; what it reads next is to be tracked; hot keys that are, a bit for each.
    var isTracking = false
    var tracksNext = false
    var tracked: UInt64 = 0

    init(socket: SimulatedSocket) { self.socket = socket }

    /// The server has had enough of it, or its peer of the server.
    var isOver: Bool { socket.isClosedByEngine || socket.end != .none }
}
