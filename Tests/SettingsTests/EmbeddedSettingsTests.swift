import Settings
import Testing

@Test func everyKeyOfEmbeddedServersReachesItsPlace() throws {
    let text = """
        p:
          listen: h:1
          servers:
            embedded: 64
            memory: 1gb
            eviction: volatile-ttl
            persistence: append
            directory: /data
            binary: /bin/valkey-server
        """
    let pool = try Settings.parse(text: text, fileName: "k.yml").pools[0]
    guard case .embedded(let embedded) = pool.servers else { throw CancellationError() }
    #expect((embedded.line, embedded.count, embedded.memoryBytes) == (3, 64, 1 << 30))
    #expect((embedded.eviction, embedded.persistence) == ("volatile-ttl", .append))
    #expect((embedded.directory, embedded.binary) == ("/data", "/bin/valkey-server"))
}

@Test func embeddedServersHaveTheDocumentedDefaults() throws {
    let pool = try Settings.parse(text: pool(), fileName: "k.yml").pools[0]
    guard case .embedded(let embedded) = pool.servers else { throw CancellationError() }
    #expect((embedded.line, embedded.count, embedded.memoryBytes) == (3, 2, 256 << 20))
    #expect((embedded.eviction, embedded.persistence) == ("allkeys-lru", .none))
    #expect((embedded.directory, embedded.binary) == (nil, nil))
}
