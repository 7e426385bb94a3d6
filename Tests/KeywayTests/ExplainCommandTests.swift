import ArgumentParser
import Foundation
import Routing
import TestKit
import Testing

@testable import keyway

private func refusal(_ words: [String]) -> String {
    do {
        _ = try KeywayCommand.parseAsRoot(["explain"] + words)
        return ""
    } catch {
        return KeywayCommand.fullMessage(for: error)
    }
}

@Test func aConfigAloneExplains() throws {
    let folder = TemporaryFolder()
    let config = try folder.write(vectorConfig, to: "k.yml")
    let answer = try KeywayProcess.run(["explain", "-c", config, "--offline", "--", "ZADD", "foo", "-1", "m"])
    #expect(answer.status == .exited(0) && answer.errors.isEmpty)
    #expect(
        answer.output == """
            command: zadd
            class: key
            handling: forwarded to the shard of its key
            atomic: yes
            keys:
              foo: hashed foo, hash 4275688823, point 4276832371, shard 127.0.0.1:6381, address 127.0.0.1:6381
            fragments:
              127.0.0.1:6381: address 127.0.0.1:6381, keys foo

            """)
    let unknown = try KeywayProcess.run(["explain", "-c", config, "--offline", "NOSUCH"])
    #expect(unknown.status == .exited(1) && unknown.errors == "keyway explain: ERR unknown command 'NOSUCH'\n")
}

@Test func nobodyWhoAnswersIsSaid() throws {
    let place = Endpoint.freeTCP().description
    let answer = try KeywayProcess.run(["explain", "--at", place, "GET", "k"])
    #expect(answer.status == .exited(2) && answer.output.isEmpty)
    #expect(
        answer.errors
            == "keyway explain: connect to \(place): Connection refused; --offline asks the file alone\n")
}

@Test func wrongArgumentsOfExplainAreNamed() throws {
    #expect(refusal([]).contains("which command?"))
    #expect(refusal(["--offline", "--at", "127.0.0.1:1", "GET", "k"]).contains("give one of them"))
    #expect(refusal(["-d", "GET", "k"]).contains("-d is not for `keyway explain`"))
    let answer = try KeywayProcess.run(["explain", "--at", "nowhere", "GET", "k"])
    #expect(answer.status == .exited(1) && answer.errors.contains("--at nowhere is not host:port"))
}

/// Goal: bytes of any kind stay within their line, and lists that are empty are said to be.
@Test func repliesBecomeLines() {
    let reply = ReplyValue.map([
        ReplyPair(.text("name"), .text("a\n\u{1b}")), ReplyPair(.text("none"), .array([])),
        ReplyPair(
            .text("rows"),
            .array([
                .map([
                    ReplyPair(.text("first"), .text("x")), ReplyPair(.text("number"), .integer(7)),
                    ReplyPair(.text("empty"), .text("")), ReplyPair(.text("unknown"), .null),
                    ReplyPair(.text("list"), .array([.text("p"), .text("q")])),
                ])
            ])),
    ])
    #expect(
        ReplyLines.lines(of: reply) == [
            "name: a\\n\\u{1B}", "none: none", "rows:", "  x: number 7, unknown none, list p q",
        ])
}
