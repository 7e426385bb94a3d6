// Greeting: what a new connection says before the load: protocol, password, database, its channel.
// Every step must succeed, or the connection is of no use. PING stands in all greetings: everybody knows it, and it
// is refused where a password is missing; some proxies close a connection for a command unknown to them.
// Not here: sending it (LoadThread+Connections).

struct Greeting: Sendable, Equatable {
    struct Step: Sendable, Equatable {
        let words: [String]
        /// What people read when it is refused; no password in it.
        let name: String
    }

    var protocolVersion = 2
    var user: String?
    var password: String?
    var database = 0

    func steps(channel: String? = nil) -> [Step] {
        var steps: [Step] = []
        if protocolVersion == 3 {
            let credentials = password.map { ["AUTH", user ?? "default", $0] } ?? []
            let words = ["HELLO", "3"] + credentials + ["SETNAME", "keyway-bench"]
            steps.append(Step(words: words, name: "HELLO 3"))
        } else if let password {
            steps.append(Step(words: ["AUTH"] + (user.map { [$0] } ?? []) + [password], name: "AUTH"))
        }
        if database != 0 {
            let name = "SELECT \(database)"
            steps.append(Step(words: ["SELECT", String(database)], name: name))
        }
        steps.append(Step(words: ["PING"], name: "PING"))
        if let channel {
            steps.append(Step(words: ["SUBSCRIBE", channel], name: "SUBSCRIBE \(channel)"))
        }
        return steps
    }

    static func bytes(of steps: [Step]) -> [UInt8] {
        steps.flatMap { step in
            Array("*\(step.words.count)\r\n".utf8)
                + step.words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
        }
    }
}
