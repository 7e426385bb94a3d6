import Foundation
import Glibc
import Platform
import TestKit
import Testing

/// Goal: an operator who does not want to wait for the drain does not have to.
/// Method: a server that takes connections and never answers keeps a request in flight for ever.
@Test func aSecondSignalEndsItAtOnce() throws {
    let server = try Socket.listen(
        on: try SocketAddress.resolve(host: "127.0.0.1", port: 0)[0], backlog: 8, sharesPort: false)
    defer { Socket.close(server) }
    let place = try #require(Socket.localAddress(of: server)?.text)
    let (listen, folder) = (Endpoint.freeTCP(), TemporaryFolder())
    let config = """
        keyway:
          workers: 1
          drain_timeout: 3600000
        p:
          listen: \(listen)
          timeout: 0
          servers:
            - \(place):1
        """
    let pidFile = folder.file("pid")
    let keyway = try KeywayProcess(config: config, endpoint: listen, arguments: ["-p", pidFile])
    let client = try RESPConnection(listen)
    try client.send(Array("GET k\r\n".utf8))
    var connection: Int32 = -1
    try eventually("Keyway has connected for the request") {
        guard case .client(let accepted) = Socket.accept(server) else { return false }
        connection = accepted
        return true
    }
    defer { Socket.close(connection) }
    // Clients are answered a moment before the start is over, and a signal until then ends the start.
    try eventually("its start is over") { keyway.output.contains("pool p listens on") }
    keyway.process.signal(SIGTERM)
    try eventually("it drains") { keyway.output.contains("stopping: no new clients") }
    #expect(FileManager.default.fileExists(atPath: pidFile))
    keyway.process.signal(SIGINT)
    #expect(try keyway.process.waitForExit(withinSeconds: 5) == .exited(3))
    #expect(!FileManager.default.fileExists(atPath: pidFile))
}

/// Goal: Ctrl-C works before Keyway serves, too.
/// Method: an embedded server that never answers makes the start last.
@Test func aSignalEndsAStartThatLasts() throws {
    let folder = TemporaryFolder()
    let program = try folder.write("#!/bin/sh\nexec sleep 600\n", to: "server")
    #expect(chmod(program, 0o755) == 0)
    let config = "p:\n  listen: \(Endpoint.freeTCP())\n  servers:\n    embedded: 2\n    binary: \(program)\n"
    let keyway = try KeywayProcess(config: config, endpoint: nil)
    try eventually("the servers start") { keyway.process.children(named: "sleep").count == 2 }
    let children = keyway.process.children(named: "sleep")
    keyway.process.signal(SIGTERM)
    #expect(try keyway.process.waitForExit(withinSeconds: 10) == .exited(0))
    #expect(!children.contains { isRunning($0) })
    #expect(!keyway.output.contains("redis-cli"))
}

@Test func tooFewDescriptorsAreSaid() throws {
    let listen = Endpoint.freeTCP()
    let config = "p:\n  listen: \(listen)\n  servers:\n    - 127.0.0.1:1:1\n"
    let keyway = try KeywayProcess(config: config, endpoint: listen, openFileLimit: 200)
    #expect(keyway.output.contains("warning at most 200 files and connections may be open, but maxclients (10000)"))
    #expect(try keyway.terminate() == .exited(0))
}
