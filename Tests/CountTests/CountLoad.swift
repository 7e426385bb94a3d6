// CountLoad: what the clients of one count do, round by round: each sends its batch, all wait for all replies.

import TestKit

struct CountLoad: Sendable, CustomStringConvertible {
    enum Command: Sendable { case get, set, mget(keys: Int) }

    let name: String
    let command: Command
    let clients: Int
    let pipeline: Int
    var valueBytes = 64
    /// Rounds in one window of counting.
    let rounds: Int
    /// Keyway is stopped while a round's requests, and then its answers, are sent to it: all are there in one tick.
    var isInLockStep = true
    /// Clients that are connected and do nothing.
    var idleClients = 0
    var servers = 4

    var description: String { name }

    /// The same at Keyway's own pace. It begins with few requests of a new client at once, for their replies may be
    /// long, and would wait for replies that a server in lock-step does not give.
    var warmUp: CountLoad {
        var load = self
        load.isInLockStep = false
        return load
    }

    var requestsPerRound: Int { clients * pipeline }
    var requests: Int { requestsPerRound * rounds }

    var keysPerRequest: Int {
        if case .mget(let keys) = command { keys } else { 1 }
    }

    var value: [UInt8] { [UInt8](repeating: UInt8(ascii: "v"), count: valueBytes) }

    /// One client's requests of one round, and the replies to them.
    func batch(client: Int) -> (requests: [UInt8], replies: [UInt8]) {
        var requests: [UInt8] = []
        var replies: [UInt8] = []
        for index in 0..<pipeline {
            let key = "key:\(client * pipeline + index)"
            switch command {
            case .get:
                requests += respCommand("GET", key)
                replies += respBulk(value)
            case .set:
                requests += respCommand("SET", key, value)
                replies += Array("+OK\r\n".utf8)
            case .mget(let keys):
                requests += respCommand(["MGET"] + (0..<keys).map { "\(key):\($0)" })
                replies += respArray(of: keys, respBulk(value))
            }
        }
        return (requests, replies)
    }

    static let all = [
        CountLoad(name: "get-p1", command: .get, clients: 50, pipeline: 1, rounds: 40),
        CountLoad(name: "set-p1", command: .set, clients: 50, pipeline: 1, rounds: 40),
        CountLoad(name: "get-p16", command: .get, clients: 50, pipeline: 16, rounds: 5),
        CountLoad(name: "get-p64", command: .get, clients: 50, pipeline: 64, rounds: 2),
        CountLoad(name: "mget10", command: .mget(keys: 10), clients: 50, pipeline: 1, rounds: 40),
        CountLoad(name: "mget100", command: .mget(keys: 100), clients: 20, pipeline: 1, rounds: 100),
        CountLoad(
            name: "set-64k", command: .set, clients: 10, pipeline: 1, valueBytes: 1 << 16, rounds: 200,
            isInLockStep: false),
        CountLoad(
            name: "get-64k", command: .get, clients: 10, pipeline: 1, valueBytes: 1 << 16, rounds: 200,
            isInLockStep: false),
        CountLoad(
            name: "set-1m", command: .set, clients: 4, pipeline: 1, valueBytes: 1 << 20, rounds: 50,
            isInLockStep: false),
        CountLoad(
            name: "get-1m", command: .get, clients: 4, pipeline: 1, valueBytes: 1 << 20, rounds: 50,
            isInLockStep: false),
        CountLoad(
            name: "get-p16-2000-idle", command: .get, clients: 50, pipeline: 16, rounds: 5, idleClients: 2_000),
        CountLoad(name: "get-p16-64-servers", command: .get, clients: 50, pipeline: 16, rounds: 5, servers: 64),
    ]
}
