import Testing

@testable import keyway

private func command(_ place: String, _ lines: String...) throws -> String? {
    let text = (["p:", "  listen: h:1", "  servers:", "    - h:1:1"] + lines).joined(separator: "\n")
    return StartReport.lines(pools: try assembly(text).pools, listening: [place], stats: nil).last
}

@Test func aStartSaysWhatListensWhereAndWhatToType() throws {
    let text = vectorConfig + "beta:\n  listen: h:2\n  servers:\n    embedded: 1\n"
    #expect(
        StartReport.lines(
            pools: try assembly(text).pools, listening: ["127.0.0.1:22121", "/run/k.sock"], stats: "0.0.0.0:22222")
            == [
                "keyway \(keywayVersion) is ready",
                "  alpha listens on 127.0.0.1:22121 for 3 servers: "
                    + "127.0.0.1:6380:1, 127.0.0.1:6381:1, 127.0.0.1:6382:2",
                "  beta listens on /run/k.sock for 1 embedded server: shard-0", "  statistics are on 0.0.0.0:22222",
                "Type: redis-cli -p 22121",
            ])
}

@Test func theCommandReachesThePool() throws {
    #expect(try command("0.0.0.0:5") == "Type: redis-cli -p 5")
    #expect(try command("[::]:5") == "Type: redis-cli -p 5")
    #expect(try command("10.1.2.3:5") == "Type: redis-cli -h 10.1.2.3 -p 5")
    #expect(try command("[fd00::1]:5") == "Type: redis-cli -h fd00::1 -p 5")
    #expect(try command("/run/k.sock") == "Type: redis-cli -s /run/k.sock")
}

@Test func aPasswordIsAskedForAndNotShown() throws {
    #expect(try command("127.0.0.1:5", "  redis_auth: secret") == "Type: redis-cli -p 5 --askpass")
}

@Test func manyServersAreCutShort() throws {
    let layout = try layout("servers:", "  embedded: 64")
    let line = StartReport.lines(pools: [layout], listening: ["/s"], stats: nil)[1]
    #expect(
        line.hasSuffix(" for 64 embedded servers: " + (0..<8).map { "shard-\($0)" }.joined(separator: ", ") + ", ..."))
}
