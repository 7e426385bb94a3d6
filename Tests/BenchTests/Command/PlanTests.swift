import ArgumentParser
import TestKit
import Testing

@testable import keyway_bench

struct PlanTests {
    private func plan(_ words: [String], environment: [String: String] = [:]) throws -> Plan {
        try Plan(
            try BenchCommand.parse(words), words: ["keyway-bench"] + words, environment: environment,
            descriptorLimit: 10_000)
    }

    /// What the user reads; empty when nothing is refused.
    private func refusal(_ words: [String]) -> String {
        do {
            _ = try plan(words)
            return ""
        } catch let error as UsageError {
            return error.description
        } catch let error as WorkloadError {
            return error.description
        } catch {
            return BenchCommand.fullMessage(for: error)
        }
    }

    @Test func withoutOptionsKeywaysOwnPortIsMeasured() throws {
        let plan = try plan([])
        #expect(plan.targets.map(\.place) == [.tcp(host: "127.0.0.1", port: 22_121)])
        #expect((plan.load.clientCount, plan.load.pipeline, plan.load.threadCount) == (50, 1, 1))
        #expect(plan.load.pace == .closed && plan.load.window == .duration(ns: 10_000_000_000))
        #expect(plan.load.warmupNs == 1_000_000_000 && plan.roundCount == 1)
        #expect(plan.outputs == [Plan.Output(report: .table, path: "-")])
        #expect(plan.summary.hasPrefix("50 clients, pipeline 1, 1 thread, RESP2, GET 90 % SET 10 %"))
    }

    /// Goal: who knows valkey-benchmark can start at once.
    @Test func theNamesOfValkeyBenchmark() throws {
        let plan = try plan([
            "-h", "::1", "-p", "7000", "-a", "pw", "--user", "u", "-c", "9", "-P", "16", "-n", "1000", "-d", "128",
            "-r",
            "77", "--threads", "3", "--dbnum", "2", "-q",
        ])
        #expect(plan.targets[0].place == .tcp(host: "::1", port: 7000))
        #expect(plan.load.greeting == Greeting(protocolVersion: 2, user: "u", password: "pw", database: 2))
        #expect((plan.load.clientCount, plan.load.pipeline, plan.load.threadCount) == (9, 16, 3))
        #expect(plan.load.window == .requests(1000) && plan.isQuiet)
        #expect(plan.workloads[0].options.keyCount == 77 && plan.workloads[0].options.valueSize == .fixed(128))
        #expect(!plan.command.contains("pw") && plan.command.contains("***"))
        #expect(try self.plan(["-s", "/run/s"]).targets[0].place == .unix(path: "/run/s"))
    }

    @Test func thePasswordMayComeFromTheEnvironment() throws {
        let environment = ["KEYWAY_BENCH_PASSWORD": "env"]
        #expect(try plan([], environment: environment).load.greeting.password == "env")
        #expect(try plan(["-a", "arg"], environment: environment).load.greeting.password == "arg")
        #expect(try plan([], environment: ["KEYWAY_BENCH_PASSWORD": ""]).load.greeting.password == nil)
    }

    @Test func targetsHaveLabelsAndProcesses() throws {
        let plan = try plan([
            "--label", "keyway", "--vs", "direct=h:1", "--vs", "/s", "--pid", "1,2", "--pid", "3",
        ])
        #expect(plan.targets.map(\.label) == ["keyway", "direct", "/s"])
        #expect(plan.targets.map(\.pids) == [[1, 2], [3], []])
    }

    @Test func anOpenLoopHasARate() throws {
        let plan = try plan(["--rate", "1500.5", "--arrivals", "poisson", "-P", "4"])
        #expect(plan.load.pace == .open(ratePerS: 1500.5, .poisson) && plan.load.pipeline == 4)
        #expect(plan.summary.contains("open loop of 1500.5 requests/s (poisson, up to 4 in flight each)"))
    }

    /// Goal: a proxy and what is behind it share their keys; what one wrote must not look lost to the other.
    @Test func verifiedTargetsHaveKeysOfTheirOwn() throws {
        let plan = try plan(["--verify", "--vs", "h:1", "-d", "200"])
        #expect(plan.workloads.map(\.options.keyPrefix) == ["key:", "2-key:"])
        #expect(try self.plan(["--vs", "h:1"]).workloads.map(\.options.keyPrefix) == ["key:", "key:"])
    }

    @Test func aTraceBringsItsOwnPace() throws {
        let folder = TemporaryFolder()
        let timed = try folder.write(
            "1.000000 [0 127.0.0.1:1] \"get\" \"a\"\n2.000000 [0 127.0.0.1:1] \"get\" \"a\"\n", to: "m")
        let plain = try folder.write("GET a\n", to: "t")
        #expect(try plan(["--replay", timed]).load.pace == .trace(speed: 1))
        #expect(try plan(["--replay", timed, "--replay-speed", "2.5"]).load.pace == .trace(speed: 2.5))
        #expect(try plan(["--replay", timed, "--replay-speed", "max"]).load.pace == .closed)
        #expect(try plan(["--replay", timed, "--rate", "5"]).load.pace == .open(ratePerS: 5, .even))
        let once = try plan(["--replay", plain])
        #expect(once.load.pace == .closed && once.load.window == .requests(1) && once.load.warmupNs == 0)
        let looped = try plan(["--replay", plain, "--replay-loop"])
        #expect(looped.load.window == .duration(ns: 10_000_000_000) && looped.load.warmupNs == 1_000_000_000)
        #expect(refusal(["--replay", plain, "--replay-speed", "2"]).contains("has no times"))
        #expect(refusal(["--replay", plain, "--search", "p99<1ms"]).contains("--replay-loop"))
    }

    @Test func reportsThatOthersReadTakeTheTablesPlace() throws {
        let folder = TemporaryFolder()
        #expect(try plan(["--json", "-"]).outputs == [Plan.Output(report: .json, path: "-")])
        let path = folder.file("r.html")
        #expect(try plan(["--html", path]).outputs.map(\.report) == [.table, .html])
    }

    @Test(arguments: [
        (["-p", "0"], "-p: 0 is no port"), (["-c", "0"], "-c 0 is outside"), (["-P", "0"], "-P 0 is outside"),
        (["--threads", "5", "-c", "4"], "each thread needs a client"), (["-c", "20000"], "open files"),
        (["-c", "9000", "-P", "100000"], "requests in flight"), (["--duration", "1", "-n", "5"], "use one"),
        (["--duration", "soon"], "--duration soon is no time"), (["--duration", "1ms"], "minimum of 10ms"),
        (["--warmup", "x"], "--warmup x"), (["--rate", "0"], "--rate 0"), (["--rate", "nan"], "--rate nan"),
        (["--arrivals", "even"], "--arrivals needs --rate"), (["--arrivals", "odd", "--rate", "1"], "odd"),
        (["--rounds", "0"], "--rounds 0"), (["-n", "0"], "-n 0"), (["--interval-ms", "1"], "--interval-ms 1"),
        (["--vs", "h:x"], "--vs h:x"), (["--vs", "127.0.0.1:22121"], "two targets are called"),
        (["--pid", "1", "--pid", "2"], "2 times for 1 targets"), (["--pid", "x"], "\"x\" is no process number"),
        (["--user", "u"], "--user needs a password"), (["--resp", "4"], "use 2 or 3"), (["--db", "-1"], "--db"),
        (["--channels", "2"], "--channels needs --pubsub"),
        (["--pubsub", "--fill"], "--fill does not go with --pubsub"),
        (["--pubsub", "-d", "8"], "16"), (["--pubsub", "--search", "p99<1ms"], "--pubsub"),
        (["--search", "p99"], "--search: goal 'p99'"), (["--search", "p99<1ms", "--rate", "5"], "leave --rate out"),
        (["--curve", "0"], "--curve 0"), (["--curve", "3", "-n", "5"], "leave -n out"),
        (["--json", "-", "--csv", "-"], "only one report"), (["--html", "-"], "give it a name"),
        (["--json", "/nonexistent/x"], "/nonexistent/x"), (["--quiet", "--progress"], "contradict"),
        (["--replay", "/nonexistent/t"], "/nonexistent/t"), (["--replay-speed", "2"], "needs --replay"),
        (["--mix", "gte"], "gte"), (["-d", "x"], "value size"), (["--key-distribution", "x"], "distribution"),
        (["--fill", "--mix", "ping"], "--fill"), (["--bogus"], "--bogus"), (["stray"], "stray"),
        (["--verify", "-d", "8"], "--verify"), (["--command", "GET {nope}"], "nope"),
    ])
    func whatCannotBeIsSaid(_ words: [String], _ part: String) {
        let text = refusal(words)
        #expect(text.contains(part), "\(words): \(text)")
    }

    @Test func helpNamesEveryOptionAndFitsTheScreen() {
        let help = BenchCommand.helpMessage(columns: 80)
        for option in [
            "--host", "--vs", "--pid", "--rate", "--search", "--verify", "--pubsub", "--html", "EXIT STATUS",
        ] {
            #expect(help.contains(option))
        }
        #expect(help.contains("WHERE TO:") && help.contains("HOW MUCH:") && help.contains("RESULTS:"))
    }
}
