// Commands that the table lacks: asked about once, in their place among the client's requests.

import Testing

@testable import Session

@Suite struct EngineLearningTests {
    private static let description =
        "*1\r\n*10\r\n$5\r\nfetch\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*0\r\n*0\r\n*0\r\n*0\r\n"

    private func rig() throws -> EngineRig {
        let rig = try EngineRig()
        for backend in rig.backends {
            backend.lie = { words in
                switch words[0] {
                case "COMMAND": Array((words[2] == "fetch" ? Self.description : "*1\r\n*-1\r\n").utf8)
                case "FETCH": Array("$3\r\ngot\r\n".utf8)
                default: nil
                }
            }
        }
        return rig
    }

    @Test func aServersCommandIsRoutedByItsKey() throws {
        let rig = try rig()
        let client = rig.connect()
        let key = rig.key(on: 2)
        rig.send(
            client,
            rig.request("SET", key, "v") + rig.request("FETCH", key) + rig.request("FETCH", key)
                + rig.request("GET", key))
        #expect(client.text == "+OK\r\n$3\r\ngot\r\n$3\r\ngot\r\n$1\r\nv\r\n")
        #expect(rig.backends[2].seen.count(where: { $0 == ["FETCH", key] }) == 2)
        #expect(rig.backends.reduce(0) { $0 + $1.seen.count(where: { $0[0] == "COMMAND" }) } == 1)
        #expect(rig.ask(client, "FETCH").hasPrefix("-ERR wrong number of arguments for 'fetch'"))
    }

    @Test func whatNoServerKnowsIsUnknownAndAskedOnce() throws {
        let rig = try rig()
        let client = rig.connect()
        _ = rig.ask(client, "GET", "k")
        for _ in 0..<3 { #expect(rig.ask(client, "NOSUCH", "a").hasPrefix("-ERR unknown command 'NOSUCH'")) }
        #expect(rig.backends.reduce(0) { $0 + $1.seen.count(where: { $0[0] == "COMMAND" }) } == 1)
    }

    @Test func aServerThatLeavesWhileItIsAskedLeavesNobodyWaiting() throws {
        let rig = try rig()
        let client = rig.connect()
        for index in 0..<3 { _ = rig.ask(client, "GET", rig.key(on: index)) }
        for backend in rig.backends { backend.isFrozen = true }
        rig.send(client, rig.request("NOSUCH"))
        client.got = []
        for index in 0..<3 { rig.backends[index].isRefusing = true }
        for index in 0..<3 { rig.lose(index) }
        for _ in 0..<30 { rig.advance(ms: 100) }
        #expect(client.text.hasPrefix("-ERR unknown command 'NOSUCH'"))
    }
}
