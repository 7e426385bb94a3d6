import ArgumentParser
import Settings
import Testing

@testable import keyway

private func place(_ words: [String], _ configured: ListenAddress? = nil) throws -> String? {
    StatsPlace.chosen(try RunOptions.parse(words), configured: configured)?.text
}

@Test func statisticsAreOffUnlessAskedFor() throws {
    #expect(try place([]) == nil)
    #expect(try place(["-i", "1000"]) == nil)
}

@Test func flagsFillUpWithTwemproxysDefaults() throws {
    #expect(try place(["-s", "5"]) == "0.0.0.0:5")
    #expect(try place(["-a", "::1"]) == "[::1]:22222")
    #expect(try place(["-s", "5", "-a", "10.0.0.1"]) == "10.0.0.1:5")
}

@Test func flagsWinOverTheConfig() throws {
    let configured = ListenAddress.tcp(host: "127.0.0.1", port: 9)
    #expect(try place([], configured) == "127.0.0.1:9")
    #expect(try place(["-s", "5"], configured) == "127.0.0.1:5")
    #expect(try place(["-a", "::1"], configured) == "[::1]:9")
}
