// PlanCommand: `keyway plan OLD NEW`: what a reload from one config to another would change. Starts nothing, connects
// to nothing.
// Not here: the comparison (ReloadPlan).

import ArgumentParser
import Platform
import Settings

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Show what changes from one config to another.",
        discussion: """
            Says what a reload would change, how many of all keys move to another server, and what needs a new start. \
            Exit status: 0; 1 when a file is wrong; 4 when keys move.
            """)

    @ParentCommand var parent: KeywayCommand

    @Argument(help: "The config file that is in use.", completion: .file())
    var older: String

    @Argument(help: "The one that is to be used.", completion: .file())
    var newer: String

    func validate() throws { try parent.options.refuse(for: "plan", withConfig: parent.source.file != nil) }

    func run() throws {
        let plan: ReloadPlan
        do {
            let (before, after) = (try Settings.read(file: older), try Settings.read(file: newer))
            plan = ReloadPlan(from: before, try Assembly(before), to: after, try Assembly(after))
        } catch {
            Terminal.complain("\(error)")
            throw ExitCode(ExitStatus.badConfig)
        }
        if plan.isEmpty, plan.refusals.isEmpty { return Terminal.say("nothing changes") }
        for line in plan.lines { Terminal.say(line) }
        for line in plan.refusals { Terminal.say("needs a new start: \(line)") }
        if plan.movesKeys { throw ExitCode(ExitStatus.keysMove) }
    }
}
