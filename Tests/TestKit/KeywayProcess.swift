// KeywayProcess: the built keyway program with a config of the test, on ports of the test.
// The program is looked for beside the running test bundle; KEYWAY_BINARY names another one.
// Not here: the shards behind it (ServerProcess).

import Foundation
import Glibc

package final class KeywayProcess: Sendable {
    package static let binary: String = {
        if let given = ProcessInfo.processInfo.environment["KEYWAY_BINARY"] { return given }
        let running = [(try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""]
        for start in running + CommandLine.arguments where start.hasPrefix("/") {
            var folder = URL(fileURLWithPath: start)
            while folder.path != "/" {
                folder.deleteLastPathComponent()
                let candidate = folder.appendingPathComponent("keyway").path
                var isFolder = ObjCBool(false)
                if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue {
                    return candidate
                }
            }
        }
        preconditionFailure("no keyway program beside the test bundle; build it, or set KEYWAY_BINARY")
    }()

    package let process: ChildProcess
    package let statsEndpoint: Endpoint
    /// Where its config file is; nil when it was started without one.
    package let configPath: String?
    private let folder: TemporaryFolder

    /// Starts it and, when `endpoint` is given, waits until that answers PING.
    ///
    /// - Parameters:
    ///   - config: text of the config file; nil starts without one.
    ///   - openFileLimit: soft and hard limit of file descriptors.
    ///   - hostsFile: stands in for /etc/hosts, for this process alone; needs `canReplaceHosts`.
    ///   - smallDisk: a folder that is a disk of 32 KB for this process alone (`path(inView:)`); needs `canMakeDisks`.
    package init(
        config: String?, endpoint: Endpoint?, arguments: [String] = [], environment: [String: String] = [:],
        openFileLimit: Int? = nil, hostsFile: String? = nil, smallDisk: String? = nil
    ) throws {
        folder = TemporaryFolder()
        statsEndpoint = .freeTCP()
        configPath = try config.map { [folder] in try folder.write($0, to: "keyway.yml") }
        var words = [Self.binary] + (configPath.map { ["-c", $0] } ?? [])
        words += ["-s", String(statsEndpoint.port), "-a", "127.0.0.1"] + arguments
        if let openFileLimit {
            words = ["/bin/sh", "-c", "ulimit -n \(openFileLimit) && exec \"$@\"", "sh"] + words
        }
        if let hostsFile {
            let mount = "mount --bind \(hostsFile) /etc/hosts && exec \"$@\""
            words = [Self.unshare, "-m", "/bin/sh", "-c", mount, "sh"] + words
        }
        if let smallDisk {
            let mount = "mount -t tmpfs -o size=32k none \(smallDisk) && exec \"$@\""
            words = [Self.unshare, "-m", "/bin/sh", "-c", mount, "sh"] + words
        }
        process = try ChildProcess(words[0], Array(words.dropFirst()), environment: environment)
        if let endpoint { try waitUntilItAnswers(at: endpoint) }
    }

    deinit { process.stop() }

    private static let unshare = "/usr/bin/unshare"

    /// Whether this user may give a process a view of the file system of its own.
    package static let canReplaceHosts: Bool = {
        let outcome = try? ChildProcess.run(unshare, ["-m", "/bin/mount", "--bind", "/etc/hosts", "/etc/hosts"])
        return outcome?.status == .exited(0)
    }()

    package static let canMakeDisks: Bool = {
        let outcome = try? ChildProcess.run(unshare, ["-m", "/bin/mount", "-t", "tmpfs", "none", "/tmp"])
        return outcome?.status == .exited(0)
    }()

    package var pid: Int32 { process.pid }
    /// Where this side finds a file of the process's own view of the file system.
    package func path(inView path: String) -> String { "/proc/\(pid)/root\(path)" }
    /// Everything it has said so far.
    package var output: String { process.standardOutput + process.standardError }

    package func waitUntilItAnswers(at endpoint: Endpoint) throws {
        do {
            try eventually("keyway answers at \(endpoint)") {
                if let status = process.exitStatus { throw ChildFailure("keyway ended: \(status)") }
                return try RESPConnection.answersPing(endpoint)
            }
        } catch {
            throw ChildFailure("\(error)\n--- what keyway said ---\n\(output)")
        }
    }

    /// Asks it to drain and end.
    package func terminate(withinSeconds: Double = 20) throws -> ExitStatus {
        process.signal(SIGTERM)
        return try process.waitForExit(withinSeconds: withinSeconds)
    }

    /// Ends it with SIGKILL.
    package func kill() { process.stop() }

    /// Runs the program with a subcommand, say `["check", file]`, and waits for its end.
    package static func run(
        _ arguments: [String], input: [UInt8]? = nil
    ) throws -> (status: ExitStatus, output: String, errors: String) {
        try ChildProcess.run(binary, arguments, input: input)
    }
}
