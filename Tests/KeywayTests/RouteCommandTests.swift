import ArgumentParser
import TestKit
import Testing

@testable import keyway

private func lines(_ words: [String], config: String = vectorConfig) throws -> String {
    let command = try #require(try KeywayCommand.parseAsRoot(["route"] + words) as? RouteCommand)
    let routes = try command.routes(try assembly(config))
    var output: [UInt8] = []
    for key in command.keys { try routes.append(Array(key.utf8)[...], to: &output) }
    return String(decoding: output, as: UTF8.self)
}

private func refusal(_ words: [String], config: String = vectorConfig) throws -> String {
    do {
        return "nothing refused: " + (try lines(words, config: config))
    } catch let error as RouteError {
        return error.description
    }
}

/// Goal: the servers that twemproxy gives, as measured from it.
@Test func keysGoWhereTwemproxyPutsThem() throws {
    let expected = """
        a 127.0.0.1:6380:1
        foo 127.0.0.1:6381:1
        bar 127.0.0.1:6382:2
        user:1000 127.0.0.1:6382:2
        user:1001 127.0.0.1:6382:2
        k1 127.0.0.1:6380:1
        k2 127.0.0.1:6380:1
        k3 127.0.0.1:6380:1

        """
    #expect(try lines(["a", "foo", "bar", "user:1000", "user:1001", "k1", "k2", "k3"]) == expected)
}

@Test func jsonNamesTheLineAndItsPosition() throws {
    let expected = """
        {"key":"a","server":"127.0.0.1:6380:1","index":0}
        {"key":"foo","server":"127.0.0.1:6381:1","index":1}
        {"key":"bar","server":"127.0.0.1:6382:2","index":2}

        """
    #expect(try lines(["--json", "a", "foo", "bar"]) == expected)
}

@Test func base64KeysAreDecodedAndShownAsTheyCame() throws {
    // a, foo, bar
    let expected = """
        YQ== 127.0.0.1:6380:1
        Zm9v 127.0.0.1:6381:1
        YmFy 127.0.0.1:6382:2

        """
    #expect(try lines(["--base64", "YQ==", "Zm9v", "YmFy"]) == expected)
    #expect(
        try lines(["--base64", "--json", "Zm9v"])
            == "{\"key\":\"Zm9v\",\"server\":\"127.0.0.1:6381:1\",\"index\":1}\n")
}

@Test func aServersNameIsShownAsConfigured() throws {
    let config = "p:\n  listen: h:1\n  servers:\n    - 10.0.0.1:6379:1 first\n    - /run/v.sock:1\n"
    let output = try lines((0..<100).map { "user:\($0)" }, config: config)
    #expect(output.contains(" 10.0.0.1:6379:1 first\n") && output.contains(" /run/v.sock:1\n"))
}

@Test func embeddedServersGoByTheirShardNames() throws {
    let config = "p:\n  listen: h:1\n  servers:\n    embedded: 1\n"
    #expect(try lines(["a"], config: config) == "a shard-0\n")
}

/// Goal: the ring of the other servers alone: what stays keeps its keys.
@Test func ejectedServersGetNoKeys() throws {
    let keys = (0..<300).map { "k\($0)" }
    let before = try lines(keys).split(separator: "\n")
    let after = try lines(["--eject", "1"] + keys).split(separator: "\n")
    #expect(before.contains { $0.hasSuffix(":6381:1") } && !after.contains { $0.hasSuffix(":6381:1") })
    let onlyLast = try lines(["--eject", "0", "--eject", "1"] + keys).split(separator: "\n")
    #expect(onlyLast.allSatisfy { $0.hasSuffix(" 127.0.0.1:6382:2") })
    #expect(
        try lines(["--json", "--eject", "0", "a"]).hasSuffix(",\"index\":2}\n"), "positions stay those of the file")
}

@Test func onlyOneOfSeveralPoolsIsAsked() throws {
    let config = vectorConfig + "beta:\n  listen: h:2\n  servers:\n    - b:1:1\n"
    #expect(try refusal(["k"], config: config) == "keyway route: which pool? Give --pool and one of: alpha, beta")
    #expect(try lines(["--pool", "beta", "k"], config: config) == "k b:1:1\n")
    #expect(try lines(["--pool", "alpha", "foo"], config: config) == "foo 127.0.0.1:6381:1\n")
    #expect(
        try refusal(["--pool", "gamma", "k"], config: config)
            == "keyway route: there is no pool gamma; the file has alpha, beta")
}

@Test func whatHasNoAnswerIsRefused() throws {
    #expect(
        try refusal(["--eject", "3", "k"])
            == "keyway route: --eject 3: pool alpha has servers 0...2, in file order")
    #expect(try refusal(["--eject=-1", "k"]).hasPrefix("keyway route: --eject -1: "))
    #expect(
        try refusal(["--eject", "0", "--eject", "1", "--eject", "2", "k"])
            == "keyway route: --eject: no server of pool alpha is left; eject fewer")
    #expect(
        try refusal(["k"], config: vectorConfig + "  distribution: random\n")
            == "keyway route: pool alpha has distribution random: no key has a server of its own")
}

/// Goal: without keys the program itself reads them, every line, the empty one and the unended one, too.
@Test func keysComeFromStandardInput() throws {
    let folder = TemporaryFolder()
    let config = try folder.write(vectorConfig, to: "k.yml")
    let answer = try KeywayProcess.run(["route", "-c", config], input: Array("foo\n\nbar".utf8))
    #expect(answer.status == .exited(0) && answer.errors.isEmpty)
    #expect(answer.output == "foo 127.0.0.1:6381:1\n 127.0.0.1:6380:1\nbar 127.0.0.1:6382:2\n")
    let wrong = try KeywayProcess.run(["route", "-c", config, "--base64"], input: Array("Zm9v\n!\n".utf8))
    #expect(wrong.status == .exited(1) && wrong.output == "Zm9v 127.0.0.1:6381:1\n")
    #expect(wrong.errors == "keyway route: key 2, \"!\", is not base64; leave --base64 out?\n")
}
