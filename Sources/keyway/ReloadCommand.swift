// ReloadCommand: `keyway reload`: has a running Keyway apply its config file as it is now, and says what came of it.
// Not here: what may change (ReloadPlan), the change itself (Service).

import Admin
import ArgumentParser
import Foundation
import Platform
import Settings

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Have a running Keyway apply its config file.",
        discussion: """
            Asks its admin port (admin_listen), which needs its admin_token: that of -c, or KEYWAY_ADMIN_TOKEN. \
            SIGUSR1 does the same without an answer, and never moves keys. Exit status: 0 when the file is in use, \
            else 2.
            """)

    @ParentCommand var parent: KeywayCommand
    @OptionGroup var target: AdminTarget

    @Flag(help: "Keys may move to other servers; see `keyway plan`.")
    var allowRemap = false

    func validate() throws { try parent.options.refuse(for: "reload", withConfig: false) }

    func run() throws {
        let client = try target.client()
        guard let token = try token() else {
            throw ValidationError("the admin port takes no orders without admin_token; give -c FILE that has one")
        }
        do throws(AdminClientError) {
            let answer = try client.post("/api/reload" + (allowRemap ? "?allow-remap=yes" : ""), token: token)
            for line in Self.lines(answer) { Terminal.say(line) }
        } catch {
            Terminal.complain("keyway reload: \(error)")
            throw ExitCode(ExitStatus.failedStart)
        }
    }

    private func token() throws -> String? {
        if let given = ProcessInfo.processInfo.environment["KEYWAY_ADMIN_TOKEN"] { return given }
        return try target.source.file == nil ? nil : target.source.settings().process.adminToken
    }

    private struct Answer: Decodable {
        let text: String
    }

    private static func lines(_ answer: [UInt8]) -> [String] {
        let text = (try? JSONDecoder().decode(Answer.self, from: Data(answer)))?.text
        return (text ?? String(decoding: answer, as: UTF8.self)).components(separatedBy: "\n")
    }
}
