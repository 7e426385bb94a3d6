import Settings
import Testing

private func listen(_ value: String) throws -> ListenAddress {
    try Settings.parse(text: "a:\n  listen: \(value)\n  servers: {embedded: 1}\n", fileName: "k.yml").pools[0].listen
}

private func refusal(_ value: String) -> [String] {
    errors("a:\n  listen: \(value)\n  servers: {embedded: 1}\n")
}

@Test(arguments: [
    ("127.0.0.1:22121", "127.0.0.1", 22121), ("cache.example:1", "cache.example", 1), ("::1:65535", "::1", 65535),
    ("'[::1]:6379'", "::1", 6379), (":22121", "0.0.0.0", 22121), ("0.0.0.0:022121", "0.0.0.0", 22121),
])
func aTCPAddressIsSplitAtTheLastColon(value: String, host: String, port: Int) throws {
    #expect(try listen(value) == .tcp(host: host, port: port))
}

@Test func aSocketPathMayHaveAMode() throws {
    #expect(try listen("/tmp/a.sock") == .unix(path: "/tmp/a.sock", mode: nil))
    #expect(try listen("/tmp/a.sock 0777") == .unix(path: "/tmp/a.sock", mode: 0o777))
    #expect(try listen("/tmp/a.sock 660") == .unix(path: "/tmp/a.sock", mode: 0o660))
    #expect(try listen("/tmp/a b.sock 0") == .unix(path: "/tmp/a b.sock", mode: 0))
    #expect(try listen("/tmp/a:b.sock") == .unix(path: "/tmp/a:b.sock", mode: nil))
}

private let badAddresses: [(value: String, text: String)] = [
    ("localhost", "\"localhost\" has no port; write host:port, [IPv6]:port or /path"),
    (
        "6379",
        "\"6379\" has no address; write 127.0.0.1:6379 for this machine only, 0.0.0.0:6379 for all others too"
    ),
    ("localhost:0", "port \"0\" is not a number 1...65535; write host:port"),
    ("localhost:65536", "port \"65536\" is not a number 1...65535; write host:port"),
    ("'localhost:'", "port \"\" is not a number 1...65535; write host:port"),
    ("localhost:+80", "port \"+80\" is not a number 1...65535; write host:port"),
    ("'[::1:80'", "host \"[::1\" is not a host name or address; write host:port"),
    ("local host:80", "host \"local host\" is not a host name or address; write host:port"),
    ("/tmp/a.sock 1000", "mode \"1000\" is not an octal number 0...0777; write /path 0660, or /path alone"),
    ("/tmp/a.sock 0888", "mode \"0888\" is not an octal number 0...0777; write /path 0660, or /path alone"),
    ("'/tmp/a.sock '", "mode \"\" is not an octal number 0...0777; write /path 0660, or /path alone"),
]

@Test(arguments: badAddresses)
func aBadListenAddressIsRefusedWithItsReason(value: String, text: String) {
    #expect(refusal(value) == ["k.yml:2: a.listen: \(text)"])
}

@Test func aSocketPathIsAsLongAsTheKernelTakes() throws {
    let longest = "/" + String(repeating: "x", count: 106)
    #expect(try listen(longest) == .unix(path: longest, mode: nil))
    #expect(
        refusal(longest + "x") == [
            "k.yml:2: a.listen: the socket path has 108 bytes, above the maximum 107; use a shorter path"
        ])
}
