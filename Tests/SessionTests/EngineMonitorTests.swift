// MONITOR: every request once, secrets hidden, nothing left behind. CLIENT PAUSE: nothing lost, nothing overtaken.

import Testing

@testable import Session

@Suite struct EngineMonitorTests {
    @Test func aPauseHoldsWritesOrAll() throws {
        let rig = try EngineRig()
        let (keeper, client) = (rig.connect(), rig.connect())
        #expect(rig.ask(keeper, "CLIENT", "PAUSE", "60000", "WRITE") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k") == "$-1\r\n")
        rig.send(client, rig.request("SET", "k", "v") + rig.request("GET", "k"))
        #expect(client.text == "$-1\r\n")
        #expect(rig.ask(keeper, "CLIENT", "UNPAUSE") == "+OK\r\n")
        #expect(client.text == "$-1\r\n+OK\r\n$1\r\nv\r\n")
        #expect(rig.ask(keeper, "CLIENT", "PAUSE", "100") == "+OK\r\n")
        #expect(rig.ask(client, "GET", "k").isEmpty)
        rig.advance(ms: 101)
        #expect(client.text == "$1\r\nv\r\n")
    }

    @Test func everyRequestIsShownOnce() throws {
        let rig = try EngineRig(pool: { $0.password = "secret" })
        let (watcher, client) = (rig.connect(), rig.connect())
        _ = rig.ask(watcher, "AUTH", "secret")
        #expect(rig.ask(watcher, "MONITOR") == "+OK\r\n")
        watcher.got = []
        _ = rig.ask(client, "AUTH", "secret")
        // HELLO waits for GET's reply and is handled again then.
        rig.send(client, rig.request("GET", "k\n\u{1}\"") + rig.request("HELLO", "3") + rig.request("PING"))
        let lines = watcher.text.split(separator: "\r\n")
        #expect(lines.count(where: { $0.contains("GET") }) == 1)
        #expect(lines.count(where: { $0.contains("PING") }) == 1)
        #expect(watcher.text.contains(#""GET" "k\n\x01\"""#))
        #expect(!watcher.text.contains("secret"))
        rig.disconnect(watcher)
        #expect(!rig.engine.isMonitored && rig.engine.monitors.isEmpty)
    }
}
