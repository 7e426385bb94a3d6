// ConfigExamplesTests: every file in conf/ starts and serves, with servers of this machine in the place of those it
// names.
// Not here: what the keys mean (SettingsTests and the tests of each feature).

import Foundation
import TestKit
import Testing

@Suite struct ConfigExamplesTests {
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: Servers.packageRoot + "/conf")) ?? []
        return files.filter { $0.hasSuffix(".yml") }.sorted()
    }()

    /// An example that is moved to this machine.
    private struct Moved {
        var text = ""
        var listens: [Endpoint] = []
        var servers: [ServerProcess] = []

        init(_ original: String, _ server: Server) throws {
            var isInServers = false
            for line in original.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
                let words = line.trimmingCharacters(in: .whitespaces)
                if words.hasPrefix("#") {
                    text += line + "\n"
                } else if words.hasPrefix("listen: ") {
                    listens.append(.freeTCP())
                    text += "  listen: \(listens.last!)\n"
                } else if words.hasPrefix("stats_listen: ") || words.hasPrefix("admin_listen: ") {
                    text += "  \(words.prefix { $0 != ":" }): \(Endpoint.freeTCP())\n"
                } else if isInServers, words.hasPrefix("- ") {
                    servers.append(try ServerProcess(server))
                    if let password = Self.password(before: text) {
                        _ = try servers.last!.connect().command("CONFIG", "SET", "requirepass", password)
                    }
                    let place = words.dropFirst(2).replacing("\"", with: "").split(separator: " ")
                    let weight = place[0].split(separator: ":").last!
                    let name = place.count > 1 ? " \(place[1])" : ""
                    text += "    - \(servers.last!.endpoint):\(weight)\(name)\n"
                } else {
                    text += line + "\n"
                }
                if words == "servers:" { isInServers = true }
                if !line.hasPrefix(" "), !words.isEmpty { isInServers = false }
            }
        }

        /// Of the pool whose lines come last.
        private static func password(before text: String) -> String? {
            let pool = text.components(separatedBy: "\n\n").last ?? ""
            return pool.split(separator: "\n").first { $0.contains("redis_auth:") }?.split(separator: " ").last
                .map(String.init)
        }
    }

    @Test(arguments: Servers.newest, names) func everyExampleStartsAndServes(_ server: Server, _ name: String) throws {
        let original = try String(contentsOfFile: "\(Servers.packageRoot)/conf/\(name)", encoding: .utf8)
        let moved = try Moved(original, server)
        let needsPassword = original.contains("redis_auth: change-me")
        let keyway = try KeywayProcess(config: moved.text, endpoint: nil)
        try eventually("\(name) serves") { keyway.process.standardOutput.contains("is ready") }
        for (index, listen) in moved.listens.enumerated() {
            let client = try RESPConnection(listen)
            if try client.command("GET", "k").text?.hasPrefix("NOAUTH") == true {
                #expect(needsPassword && index == 1)
                #expect(try client.command("AUTH", "change-me") == .ok)
            }
            for number in 0..<20 {
                #expect(try client.command("SET", "k:\(number)", "\(number)") == .ok, "\(keyway.output)")
                #expect(try client.command("GET", "k:\(number)") == .text("\(number)"))
            }
        }
        #expect(!moved.listens.isEmpty && !keyway.output.contains(" error "), "\(keyway.output)")
        #expect(try keyway.terminate() == .exited(0))
    }
}
