import Settings
import Testing

private func server(_ value: String) throws -> ServerSettings {
    let text = "a:\n  listen: 127.0.0.1:1\n  servers:\n    - \(value)\n"
    let settings = try Settings.parse(text: text, fileName: "k.yml")
    guard case .list(let servers) = settings.pools[0].servers else { throw CancellationError() }
    return servers[0]
}

/// Goal: placement depends on the ring name, so each form gives exactly twemproxy's.
@Test(arguments: [
    ("127.0.0.1:6379:1", "127.0.0.1", 6379, 1, "127.0.0.1:6379"),
    ("127.0.0.1:11211:1", "127.0.0.1", 11211, 1, "127.0.0.1"),
    ("127.0.0.1:06379:3", "127.0.0.1", 6379, 3, "127.0.0.1:06379"),
    ("cache.example:6379:100000", "cache.example", 6379, 100_000, "cache.example:6379"),
    ("::1:6379:1", "::1", 6379, 1, "::1:6379"),
    ("fe80::1%eth0:6379:2", "fe80::1%eth0", 6379, 2, "fe80::1%eth0:6379"),
    ("'[::1]:6379:1'", "::1", 6379, 1, "[::1]:6379"),
    ("'[::1]:11211:1'", "::1", 11211, 1, "[::1]"),
])
func aServerWithoutNameIsCutFromTheEnd(value: String, host: String, port: Int, weight: Int, ring: String) throws {
    let server = try server(value)
    #expect(server.address == .tcp(host: host, port: port))
    #expect(server.weight == weight)
    #expect(server.name == nil)
    #expect(server.ringName == ring)
    #expect(server.text == value.filter { $0 != "'" })
    #expect(server.displayName == server.text)
    #expect(server.line == 4)
}

@Test func aNameReplacesTheRingNameAndNothingElse() throws {
    let server = try server("127.0.0.1:11211:7 server1")
    #expect(server.address == .tcp(host: "127.0.0.1", port: 11211))
    #expect(server.weight == 7)
    #expect(server.name == "server1")
    #expect(server.ringName == "server1")
    #expect(server.displayName == "127.0.0.1:11211:7")
    #expect(server.text == "127.0.0.1:11211:7 server1")
}

@Test func aSocketWithoutNameKeepsTheColonInItsRingName() throws {
    let plain = try server("/tmp/a.sock:2")
    #expect(plain.address == .unix(path: "/tmp/a.sock"))
    #expect(plain.weight == 2)
    #expect(plain.ringName == "/tmp/a.sock:")
    #expect(plain.displayName == "/tmp/a.sock:2")
    let named = try server("/tmp/a.sock:2 one")
    #expect(named.ringName == "one")
    #expect(named.displayName == "/tmp/a.sock:2")
}

private let form = "write host:port:weight, host:port:weight name, or /path:weight"

private let badLines: [(value: String, text: String)] = [
    ("127.0.0.1", "\"127.0.0.1\" has no weight; \(form)"),
    ("127.0.0.1:6379", "\"127.0.0.1:6379\" has no weight; \(form); a weight is needed, most often 1"),
    ("/tmp/a.sock", "\"/tmp/a.sock\" has no weight; \(form)"),
    ("h:1:0", "weight 0 of \"h:1:0\" is below the minimum 1; use 1, or remove the line"),
    ("h:1:-1", "weight \"-1\" of \"h:1:-1\" is not a whole number; \(form)"),
    ("'h:1:'", "weight \"\" of \"h:1:\" is not a whole number; \(form)"),
    ("h:1:1.5", "weight \"1.5\" of \"h:1:1.5\" is not a whole number; \(form)"),
    (
        "h:1:2147483648",
        "weight 2147483648 of \"h:1:2147483648\" is above the maximum 2147483647; use a smaller weight"
    ),
    ("h:0:1", "port \"0\" of \"h:0:1\" is not a number 1...65535; \(form)"),
    ("h:65536:1", "port \"65536\" of \"h:65536:1\" is not a number 1...65535; \(form)"),
    ("h:x:1", "port \"x\" of \"h:x:1\" is not a number 1...65535; \(form)"),
    ("':1:1'", "host \"\" of \":1:1\" is not a host name or address; \(form)"),
    ("'[::1:1:1'", "host \"[::1\" of \"[::1:1:1\" is not a host name or address; \(form)"),
    ("'h:1:1 '", "\"h:1:1 \" ends in a space; \(form)"),
    ("h:1:1  two", "weight \"1 \" of \"h:1:1  two\" is not a whole number; \(form)"),
    ("/a:b:1", "the path of \"/a:b:1\" holds a ':'; use a path without ':'"),
]

@Test(arguments: badLines)
func aBadServerLineIsRefusedWithItsReason(value: String, text: String) {
    #expect(errors("a:\n  listen: h:1\n  servers:\n    - \(value)\n") == ["k.yml:4: a.servers: \(text)"])
}
