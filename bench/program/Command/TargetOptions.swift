// TargetOptions: the options that say where the load goes and how it logs in.

import ArgumentParser

struct TargetOptions: ParsableArguments {
    @Option(name: [.customShort("h"), .long], help: ArgumentHelp("Server or proxy.", valueName: "name"))
    var host = "127.0.0.1"

    @Option(name: [.customShort("p"), .long], help: "Its port; the default is Keyway's own.")
    var port = TargetText.portDefault

    @Option(
        name: [.customShort("s"), .long],
        help: ArgumentHelp("Its unix socket, instead of -h and -p.", valueName: "path"))
    var socket: String?

    @Option(
        name: .customLong("vs"),
        help: ArgumentHelp(
            """
            Another target, measured in turns with the first; as often as wanted. Also a path; a name may stand in \
            front: direct=127.0.0.1:6379.
            """, valueName: "host:port"))
    var others: [String] = []

    @Option(help: ArgumentHelp("What the reports call the first target.", valueName: "name"))
    var label: String?

    @Option(
        name: .customLong("pid"),
        help: ArgumentHelp(
            """
            Process whose CPU time and memory are measured, or several with commas (a proxy and its backends). The \
            n-th --pid belongs to the n-th target.
            """, valueName: "pid,..."))
    var pids: [String] = []

    @Option(
        name: [.customShort("a"), .long],
        help: ArgumentHelp("Password; better in KEYWAY_BENCH_PASSWORD, where others cannot read it.", valueName: "word")
    )
    var password: String?

    @Option(help: ArgumentHelp("User of the password.", valueName: "name"))
    var user: String?

    @Option(name: [.customLong("db"), .customLong("dbnum")], help: ArgumentHelp("Database to select.", valueName: "n"))
    var database = 0

    @Option(name: .customLong("resp"), help: ArgumentHelp("Protocol: 2 or 3.", valueName: "version"))
    var protocolVersion = 2

    func targets() throws(UsageError) -> [Target] {
        var targets: [Target] = []
        if let socket {
            targets.append(Target(label: label ?? "", place: .unix(path: socket)))
        } else {
            try TargetText.check(port: port, "-p")
            targets.append(Target(label: label ?? "", place: .tcp(host: host, port: port)))
        }
        for other in others {
            let (name, place) = try TargetText.parse(other)
            targets.append(Target(label: name ?? "", place: place))
        }
        for index in targets.indices where targets[index].label.isEmpty {
            targets[index].label = targets[index].place.text
        }
        for (index, target) in targets.enumerated()
        where targets[..<index].contains(where: { $0.label == target.label }) {
            throw UsageError("--vs: two targets are called \(target.label); give one a name: NAME=HOST:PORT")
        }
        try addPIDs(to: &targets)
        return targets
    }

    private func addPIDs(to targets: inout [Target]) throws(UsageError) {
        guard pids.count <= targets.count else {
            throw UsageError(
                "--pid is given \(pids.count) times for \(targets.count) targets; several processes of one target go "
                    + "into one --pid, with commas")
        }
        for (index, list) in pids.enumerated() {
            for word in list.split(separator: ",", omittingEmptySubsequences: false) {
                guard let pid = Int32(word), pid > 0 else {
                    throw UsageError("--pid \(list): \"\(word)\" is no process number")
                }
                targets[index].pids.append(pid)
            }
        }
    }

    func greeting(_ environment: [String: String]) throws(UsageError) -> Greeting {
        guard protocolVersion == 2 || protocolVersion == 3 else {
            throw UsageError("--resp \(protocolVersion): use 2 or 3")
        }
        guard database >= 0 else { throw UsageError("--db \(database) is below 0") }
        let password = password ?? environment["KEYWAY_BENCH_PASSWORD"].flatMap { $0.isEmpty ? nil : $0 }
        if user != nil, password == nil {
            throw UsageError("--user needs a password: -a, or KEYWAY_BENCH_PASSWORD in the environment")
        }
        return Greeting(protocolVersion: protocolVersion, user: user, password: password, database: database)
    }
}
