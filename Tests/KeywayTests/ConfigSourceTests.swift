import ArgumentParser
import Settings
import Testing

@testable import keyway

@Test func withoutAFileThereAreFourEmbeddedServers() throws {
    let settings = try ConfigSource.parse([]).settings()
    #expect(settings == Settings.standard)
    #expect(try Assembly(settings).pools.map(\.servers.count) == [4])
}

@Test func twemproxysDefaultFileIsHintedAtAndNotRead() throws {
    let none = try ConfigSource.parse([])
    #expect(
        none.hint { $0 == "conf/nutcracker.yml" }
            == "conf/nutcracker.yml is here but was not read; to use it: keyway -c conf/nutcracker.yml")
    #expect(none.hint { _ in false } == nil)
    #expect(try ConfigSource.parse(["-c", "f"]).hint { _ in true } == nil)
}
