// OperationsTests: what docs/operations.md says is done, command by command, and must come out as it says there.
// KEYWAY_WRITE_DOCS=1 writes what came out this time into the document instead.
// Not here: how a document is performed (clients/console.py).

import Foundation
import TestKit
import Testing

@Suite struct OperationsTests {
    /// The ports that the document names.
    private static let ports = [7_001, 7_002, 7_003, 7_004, 22_121, 22_180]

    /// Goal: an operator who does what the document says sees what it says: a start in front of four servers, one that
    /// fails and comes back, another config, an upgrade and the way back, under load that notices nothing.
    @Test(arguments: Servers.newest) func theDayOfAnOperator(_ server: Server) throws {
        let folder = TemporaryFolder()
        let tools = folder.file("tools")
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
        for (name, place) in [
            ("keyway", Servers.packageRoot), ("tools/valkey-server", server.path),
        ] {
            try FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: place)
        }
        for name in ["python3", "curl", "redis-cli", "make", "strip"] where Servers.program(name) == nil {
            say("SKIPPED: \(name) is not here, so docs/operations.md is not performed; `make test` installs it")
            if Servers.areRequired { Issue.record("\(name) is missing and KEYWAY_TEST_REQUIRE_SERVERS is 1") }
            return
        }
        let script = try #require(
            Bundle.module.url(forResource: "console", withExtension: "py", subdirectory: "clients"))
        var words = [script.path, Servers.packageRoot + "/docs/operations.md"]
        words += Self.ports.flatMap { ["--port", "\($0)"] }
        if ProcessInfo.processInfo.environment["KEYWAY_WRITE_DOCS"] == "1" { words.append("--write") }
        let built = (KeywayProcess.binary as NSString).deletingLastPathComponent
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let answer = try ChildProcess.run(
            "/bin/sh", ["-c", "cd \"$0\" && exec python3 \"$@\"", folder.path] + words,
            environment: ["BUILT": built, "PATH": tools + ":" + path], withinSeconds: 180)
        #expect(answer.status == .exited(0), "\(answer.output)\(answer.errors)")
        #expect(answer.output.hasSuffix("all right\n"), "\(answer.output)")
    }
}
