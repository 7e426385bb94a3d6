// ServerProcess: a real server on a loopback port or unix socket of its own, in memory only.
// It can be paused, killed and started again at the same place. It ends with the test.

import Foundation
import Glibc
import Synchronization

package final class ServerProcess: Sendable {
    package let server: Server
    package let endpoint: Endpoint
    private let folder: TemporaryFolder
    private let arguments: [String]
    private let child: Mutex<ChildProcess>

    /// Starts the server and waits until it answers.
    ///
    /// - Parameters:
    ///   - unixSocket: listen on a unix socket instead of a TCP port.
    ///   - arguments: more of the server's own, say `["--maxmemory", "10mb"]`.
    package init(_ server: Server, unixSocket: Bool = false, arguments: [String] = []) throws {
        self.server = server
        folder = TemporaryFolder()
        let place: [String]
        if unixSocket {
            endpoint = .unix(path: folder.file("server.sock"))
            place = ["--port", "0", "--unixsocket", endpoint.description]
        } else {
            endpoint = .freeTCP()
            place = ["--bind", "127.0.0.1", "--port", String(endpoint.port)]
        }
        self.arguments =
            place + ["--save", "", "--appendonly", "no", "--dir", folder.path, "--daemonize", "no"]
            + ["--loglevel", "warning", "--enable-debug-command", "yes"] + arguments
        child = Mutex(try ChildProcess(server.path, self.arguments))
        try waitUntilItAnswers()
    }

    deinit { kill() }

    package var pid: Int32 { child.withLock { $0.pid } }

    /// Its line in a config file.
    package func line(weight: Int = 1, name: String? = nil) -> String {
        "\(endpoint):\(weight)" + (name.map { " " + $0 } ?? "")
    }

    /// A connection that keeps this process alive.
    package func connect() throws -> RESPConnection {
        let connection = try RESPConnection(endpoint)
        connection.owner = self
        return connection
    }

    /// Stops it in its tracks: its sockets stay open and nothing is answered.
    package func pause() { child.withLock { $0.signal(SIGSTOP) } }
    package func resume() { child.withLock { $0.signal(SIGCONT) } }

    /// Ends it with SIGKILL; its data is gone.
    package func kill() { child.withLock { $0.stop() } }

    /// Starts it again, empty, at the same place.
    package func restart() throws {
        try child.withLock { child in
            child.stop()
            child = try ChildProcess(server.path, arguments)
        }
        try waitUntilItAnswers()
    }

    /// Whether bytes wait in its TCP sockets that it has not read; true only while it is paused or slow.
    ///
    /// Source: /proc/net/tcp, the receive queue of the established sockets of its port.
    package func hasUnreadInput() throws -> Bool {
        let table = kernelFile("/proc/net/tcp")
        let local = ":" + String(format: "%04X", endpoint.port)
        return table.split(separator: "\n").contains { line in
            let fields = line.split(separator: " ")
            return fields.count > 4 && fields[1].hasSuffix(local) && fields[3] == "01"
                && !fields[4].hasSuffix(":00000000")
        }
    }

    private func waitUntilItAnswers() throws {
        try eventually("\(server) answers at \(endpoint)") {
            let ended = child.withLock { child in
                child.exitStatus.map { "\($0): \(child.standardOutput)\(child.standardError)" }
            }
            if let ended { throw ChildFailure("\(server) ended at once: \(ended)") }
            return try (RESPConnection.answersPing(endpoint))
        }
    }
}

extension RESPConnection {
    /// Whether somebody at the endpoint answers PING now; asking for a password is an answer too.
    package static func answersPing(_ endpoint: Endpoint) throws -> Bool {
        do {
            let reply = try RESPConnection(endpoint, timeoutSeconds: 1).command("PING")
            return reply == .simple("PONG") || reply.errorText?.hasPrefix("NOAUTH") == true
        } catch is ConnectionFailure {
            return false
        }
    }
}
