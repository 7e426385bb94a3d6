import Foundation
import Glibc
import TestKit
import Testing

/// Goal: `-d` comes back when clients can connect, and what it left runs on its own.
/// Method: the stats port of the detached process answers as soon as the command has ended.
@Test func aDetachedKeywayServesWhenTheCommandEnds() throws {
    let folder = TemporaryFolder()
    let (listen, stats) = (Endpoint.freeTCP(), Endpoint.freeTCP())
    let config = try folder.write("p:\n  listen: \(listen)\n  servers:\n    - 127.0.0.1:1:1\n", to: "k.yml")
    let (pidFile, logFile) = (folder.file("pid"), folder.file("log"))
    let words = ["-d", "-c", config, "-p", pidFile, "-o", logFile, "-s", String(stats.port), "-a", "127.0.0.1"]
    let answer = try KeywayProcess.run(words)
    #expect(answer.status == .exited(0), "\(answer.errors)")
    #expect(answer.output.contains("redis-cli -p \(listen.port)"))
    let text = try String(contentsOfFile: pidFile, encoding: .utf8)
    let processID = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    defer { if isRunning(processID) { kill(processID, SIGKILL) } }
    #expect(getsid(processID) == processID, "a session of its own")
    #expect(!(try RESPConnection(stats).readToClose()).isEmpty)

    // The same again cannot start, says so here, and leaves the first one's file alone.
    let second = try KeywayProcess.run(words)
    #expect(second.status == .exited(2) && second.errors.contains("start failed: "), "\(second)")
    #expect(try String(contentsOfFile: pidFile, encoding: .utf8) == text)

    try FileManager.default.moveItem(atPath: logFile, toPath: folder.file("log.1"))
    kill(processID, SIGHUP)
    try eventually("the log is opened anew") { FileManager.default.fileExists(atPath: logFile) }
    kill(processID, SIGTTIN)
    try eventually("the level is changed") {
        try String(contentsOfFile: logFile, encoding: .utf8).contains("log level is now info")
    }
    kill(processID, SIGTERM)
    try eventually("it ends") { !isRunning(processID) }
    #expect(!FileManager.default.fileExists(atPath: pidFile))
}

@Test func aWrongConfigIsSaidBeforeDetaching() throws {
    let answer = try KeywayProcess.run(["-d", "-c", "/nowhere/k.yml"])
    #expect(answer.status == .exited(1) && answer.errors.contains("/nowhere/k.yml: cannot be read"), "\(answer)")
}
