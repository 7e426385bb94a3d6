// BenchCommand: the command line's root: the options in groups, and what is done with them.
// Not here: the options themselves (the *Options), the run (BenchRun).

import ArgumentParser
import Glibc
import Platform

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyway-bench",
        abstract: "Puts a Valkey or Redis server, or a proxy, under load and says how it holds.",
        usage: "keyway-bench [-h <name>] [-p <port>] [<options>]",
        discussion: """
            Without options: 50 clients on 127.0.0.1:22121, GET and SET nine to one, for 10 seconds.

            EXAMPLES:
              keyway-bench -p 6379 -c 100 -P 16 --mix get=1
                  As fast as 100 clients with 16 requests in flight each can.
              keyway-bench --rate 20000 --duration 60 --html page.html
                  At a fixed rate, with latencies as users would see them, on a page with plots.
              keyway-bench --label keyway --vs direct=127.0.0.1:6379 --rounds 5 --pid 4711 --pid 4712
                  Two targets in turns, with the CPU time that each spends on a request.
              keyway-bench --search 'p99<1ms' --curve 10
                  The highest rate that keeps the goal, and latency at ten rates up to it.
              keyway-bench --verify --fill --mix get=5,set=4,mget=1 --duration 1h
                  A soak that checks every value it reads back.

            EXIT STATUS: 0 fine; 1 errors were counted, --verify found a wrong value, or nothing could be measured; \
            2 the command line is wrong; 130 ended by Ctrl-C or SIGTERM. The first Ctrl-C ends the run and reports \
            what was measured until then, a second one ends it at once.
            """,
        version: "keyway-bench \(benchVersion)", helpNames: .long)

    @OptionGroup(title: "Where to") var target: TargetOptions
    @OptionGroup(title: "How much") var pace: PaceOptions
    @OptionGroup(title: "What") var request: RequestOptions
    @OptionGroup(title: "Results") var report: ReportOptions

    /// - Returns: the exit status.
    static func main(words: [String], environment: [String: String]) -> Int32 {
        let plan: Plan
        do {
            let command = try parse(words)
            plan = try Plan(command, words: ["keyway-bench"] + words, environment: environment)
        } catch let error as UsageError {
            return refuse(error.description)
        } catch let error as WorkloadError {
            return refuse(error.description)
        } catch {
            let text = fullMessage(for: error)
            guard exitCode(for: error) != .success else {
                Terminal.say(text)
                return ExitStatus.fine
            }
            Terminal.complain(text)
            return ExitStatus.usage
        }
        return run(plan)
    }

    private static func refuse(_ text: String) -> Int32 {
        Terminal.complain("keyway-bench: \(text)\nSee keyway-bench --help.")
        return ExitStatus.usage
    }

    private static func run(_ plan: Plan) -> Int32 {
        let interruption: Interruption
        do throws(SystemError) {
            interruption = Interruption(bell: try Bell())
            try Signals.takeOver(interruption)
        } catch {
            Terminal.complain("keyway-bench: \(error)")
            return ExitStatus.failed
        }
        let progress = plan.isQuiet ? nil : ProgressLine(isForced: plan.showsProgress, roundCount: plan.roundCount)
        let result: RunResult
        do throws(LoadError) {
            result = try BenchRun(plan: plan, interruption: interruption, progress: progress).run()
        } catch {
            progress?.clear()
            Terminal.complain("keyway-bench: \(error)")
            return interruption.isRaised ? ExitStatus.interrupted : ExitStatus.failed
        }
        var status = ExitStatus.of(result, wasInterrupted: interruption.isRaised)
        for output in plan.outputs {
            do throws(ReportError) {
                try output.report.write(result, to: output.path)
            } catch {
                Terminal.complain("keyway-bench: \(error)")
                status = ExitStatus.failed
            }
        }
        return status
    }
}
