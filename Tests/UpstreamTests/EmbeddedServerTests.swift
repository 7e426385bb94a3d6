import Testing

@testable import Upstream

@Suite struct EmbeddedServerTests {
    private func arguments(_ change: (inout EmbeddedOptions) -> Void = { _ in }) -> [String] {
        var options = EmbeddedOptions(shardCount: 1, memoryBytes: 1 << 30, eviction: "noeviction")
        change(&options)
        return EmbeddedServer(index: 3, directory: "/d", options: options).arguments
    }

    /// The words that follow `option`, up to the next one.
    private func values(of option: String, in arguments: [String]) -> [String]? {
        arguments.firstIndex(of: option).map { index in
            Array(arguments[(index + 1)...].prefix { !$0.hasPrefix("--") })
        }
    }

    @Test func aServerListensOnItsSocketAndNowhereElse() {
        let arguments = arguments()
        #expect(values(of: "--port", in: arguments) == ["0"])
        #expect(values(of: "--unixsocket", in: arguments) == ["/d/shard-3.sock"])
        #expect(values(of: "--unixsocketperm", in: arguments) == ["700"])
        #expect(values(of: "--enable-debug-command", in: arguments) == ["no"])
    }

    @Test func memoryAndEvictionAreThoseAskedFor() {
        #expect(values(of: "--maxmemory", in: arguments()) == ["1073741824"])
        #expect(values(of: "--maxmemory-policy", in: arguments()) == ["noeviction"])
    }

    @Test func noTwoServersShareADirectoryForData() {
        let options = EmbeddedOptions(shardCount: 2)
        let directories = (0..<2).map { EmbeddedServer(index: $0, directory: "/d", options: options).dataDirectory }
        #expect(directories == ["/d/shard-0", "/d/shard-1"])
    }

    @Test(arguments: [
        (EmbeddedOptions.Persistence.none, [""], ["no"]),
        (.snapshot, ["3600", "1", "300", "100", "60", "10000"], ["no"]), (.append, [""], ["yes"]),
    ])
    func persistenceSetsSnapshotsAndTheLog(
        persistence: EmbeddedOptions.Persistence, save: [String], appendOnly: [String]
    ) {
        let arguments = arguments { $0.persistence = persistence }
        #expect(values(of: "--save", in: arguments) == save)
        #expect(values(of: "--appendonly", in: arguments) == appendOnly)
    }
}
