// CheckCommand: `keyway check FILE` and `-t`: reads a config as a start would, starts nothing.
// Findings go to standard output and errors to standard error, one line each.

import ArgumentParser
import Platform
import Settings

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Test a config file.",
        discussion: "Prints what is worth knowing about the file, or everything that is wrong with it (exit status 1).")

    @ParentCommand var parent: KeywayCommand

    @Argument(help: "The config file.", completion: .file())
    var file: String

    func validate() throws { try parent.options.refuse(for: "check", withConfig: parent.source.file != nil) }

    func run() throws {
        let report = Self.report(on: file)
        for line in report.output { Terminal.say(line) }
        for line in report.errors { Terminal.complain(line) }
        if !report.errors.isEmpty { throw ExitCode(ExitStatus.badConfig) }
    }

    struct Report: Equatable {
        var output: [String] = []
        var errors: [String] = []
    }

    static func report(on file: String) -> Report {
        do {
            let settings = try Settings.read(file: file)
            let assembly = try Assembly(settings)
            let serverCount = assembly.pools.reduce(0) { $0 + $1.servers.count }
            let warnings = settings.warnings.map { "warning: \($0)" }
            let verdict =
                "\(file): ok, \(count(settings.pools.count, "pool")), \(count(serverCount, "server"))"
                + (warnings.isEmpty ? "" : ", \(count(warnings.count, "warning"))")
            return Report(output: warnings + [verdict])
        } catch let errors as SettingsErrors {
            return Report(errors: errors.list.map(\.description))
        } catch {
            return Report(errors: ["\(file): \(error)"])
        }
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
