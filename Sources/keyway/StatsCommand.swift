// StatsCommand: `keyway stats`: what a running Keyway does at the moment, once: for people, or as JSON.

import Admin
import ArgumentParser
import Foundation
import Glibc
import Platform

struct StatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what a running Keyway does.",
        discussion: """
            Asks its admin port (admin_listen). With --json it prints the whole overview as one object; ADMIN.md says \
            what it holds.
            """)

    @ParentCommand var parent: KeywayCommand
    @OptionGroup var target: AdminTarget

    @Flag(help: "One JSON object.")
    var json = false

    func validate() throws { try parent.options.refuse(for: "stats", withConfig: false) }

    func run() throws {
        let client = try target.client()
        let overview: [UInt8]
        do throws(AdminClientError) {
            overview = try client.get("/api/overview")
        } catch {
            return try fail("\(error)")
        }
        if json { return Terminal.say(String(decoding: overview, as: UTF8.self).trimmingCharacters(in: .newlines)) }
        guard let text = OverviewText(json: Data(overview)) else {
            return try fail("the answer is no overview; is it a Keyway of another version?")
        }
        for line in text.lines(columns: .max, rows: .max) { Terminal.say(line) }
    }

    private func fail(_ reason: String) throws {
        Terminal.complain("keyway stats: \(reason)")
        throw ExitCode(ExitStatus.failedStart)
    }
}
