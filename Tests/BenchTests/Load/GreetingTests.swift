import Testing

@testable import keyway_bench

struct GreetingTests {
    private func words(_ greeting: Greeting, channel: String? = nil) -> [String] {
        greeting.steps(channel: channel).map { $0.words.joined(separator: " ") }
    }

    @Test func onlyWhatIsAskedForIsSaid() {
        #expect(words(Greeting()) == ["PING"])
        #expect(words(Greeting(protocolVersion: 3)) == ["HELLO 3 SETNAME keyway-bench", "PING"])
        #expect(words(Greeting(password: "p")).first == "AUTH p")
        #expect(words(Greeting(user: "u", password: "p", database: 4)).prefix(2) == ["AUTH u p", "SELECT 4"])
        #expect(
            words(Greeting(protocolVersion: 3, password: "p")).first == "HELLO 3 AUTH default p SETNAME keyway-bench")
        #expect(words(Greeting(), channel: "c").last == "SUBSCRIBE c")
    }

    @Test func noPasswordIsShown() {
        for version in [2, 3] {
            let steps = Greeting(protocolVersion: version, user: "u", password: "secret").steps()
            #expect(!steps.contains { $0.name.contains("secret") })
        }
    }

    @Test func bytesAreRESP() {
        let bytes = Greeting.bytes(of: Greeting(password: "pä").steps())
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "*2\r\n$4\r\nAUTH\r\n$3\r\npä\r\n*1\r\n$4\r\nPING\r\n")
    }
}
