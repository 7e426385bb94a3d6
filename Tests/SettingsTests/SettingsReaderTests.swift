import Settings
import Testing

private let rules: [(text: String, line: String)] = [
    (
        pool("redis: false"),
        "k.yml:4: alpha.redis: false asks for the memcached protocol, which Keyway does not speak; "
            + "use true and servers that are Valkey or Redis, or leave this pool to twemproxy"
    ),
    (
        pool("hash_tag: x"),
        "k.yml:4: alpha.hash_tag: \"x\" has 1 bytes, not exactly 2; "
            + "use two characters such as \"{}\", or remove the line"
    ),
    (
        pool("hash_tag: «»"),
        "k.yml:4: alpha.hash_tag: \"«»\" has 4 bytes, not exactly 2; "
            + "use two characters such as \"{}\", or remove the line"
    ),
    (
        pool("reconnect_backoff: 2001"),
        "k.yml:4: alpha.reconnect_backoff: 2001 is above reconnect_backoff_max 2000; "
            + "use at most 2000, or raise reconnect_backoff_max"
    ),
    (
        pool("reconnect_backoff_max: 49"),
        "k.yml:4: alpha.reconnect_backoff_max: 49 is below reconnect_backoff 50; "
            + "use at least 50, or lower reconnect_backoff"
    ),
    (
        process("client_output_buffer_pause: 65mb"),
        "k.yml:5: keyway.client_output_buffer_pause: 65mb is above client_output_buffer_limit 64mb; "
            + "use at most 64mb, or raise client_output_buffer_limit"
    ),
    (
        "a:\n  listen: h:1\n  servers: h:1:1\n",
        "k.yml:3: a.servers: is a single value, not a list; write it below servers: as a line \"- h:1:1\""
    ),
    (
        "a:\n  listen: h:1\n  servers: []\n",
        "k.yml:3: a.servers: has no servers; add a line such as - 127.0.0.1:6379:1"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    - h:1:1\n    -\n",
        "k.yml:5: a.servers: a server has no value; write host:port:weight"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    - h: 1\n",
        "k.yml:4: a.servers: is a map, not a server; write host:port:weight"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    - h:1:1\n    - h:1:2\n",
        "k.yml:5: a.servers: \"h:1:2\" has the ring name \"h:1\" of line 4; "
            + "remove the line, or give it another name: h:1:2 NAME"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    - h:1:1 x\n    - g:1:2 x\n",
        "k.yml:5: a.servers: \"g:1:2 x\" has the ring name \"x\" of line 4; "
            + "remove the line, or give it another name: g:1:2 NAME"
    ),
    (
        "a:\n  listen: h:1\n  servers: {memory: 1gb}\n",
        "k.yml:3: a.servers.embedded: is missing; add embedded: with 1...64"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    embedded: 65\n",
        "k.yml:4: a.servers.embedded: 65 is above the maximum 64; use 1...64 servers"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    embedded: 1\n    persistence: append\n",
        "k.yml:5: a.servers.persistence: append needs a directory, and there is none; "
            + "add directory: with the path where data is to last, or use persistence: none"
    ),
    (
        "a:\n  listen: h:1\n  servers:\n    embedded: 1\n    evicton: noeviction\n",
        "k.yml:5: a.servers.evicton: is not a known key; did you mean eviction?"
    ),
    (
        pool() + "b:\n  timeout: 1\n  listen: 127.0.0.1:22121\n  servers: {embedded: 1}\n",
        "k.yml:6: b.listen: is the address of alpha too; give each its own address"
    ),
    (
        "a:\n  listen: /s 0600\n  servers: {embedded: 1}\nb:\n  listen: /s 0666\n  servers: {embedded: 1}\n",
        "k.yml:5: b.listen: is the address of a too; give each its own address"
    ),
    (
        process("admin_listen: 1.2.3.4:5", "stats_listen: 1.2.3.4:5"),
        "k.yml:5: keyway.admin_listen: is the address of stats_listen too; give each its own address"
    ),
    (
        process("stats_listen: 127.0.0.1:22121"),
        "k.yml:2: alpha.listen: is the address of keyway.stats_listen too; give each its own address"
    ),
    (
        "a:\n  listen: h:1\n  servers: {embedded: 1, directory: /d}\n"
            + "b:\n  listen: h:2\n  servers: {embedded: 1, directory: /d}\n",
        "k.yml:6: b.servers.directory: is the directory of pool a too; give each pool its own directory"
    ),
    (
        "keyway: {}\n",
        "k.yml: has no pool; "
            + "add a pool (a name, listen: and servers:), or start without a file for four embedded servers"
    ),
    (
        "keyway:\n" + pool(),
        "k.yml:1: keyway: is empty, not a map of keys; indent the keys of the process below it, or remove the line"
    ),
    (
        "timeout: 5\n",
        "k.yml:1: timeout: is a single value, not a map of keys; write it under the name of a pool, indented"
    ),
    (
        "workers: 5\n",
        "k.yml:1: workers: is a single value, not a map of keys; write it under the top-level key keyway:"
    ),
    (
        "a:\n- b\n",
        "k.yml:1: a: is a list, not a map of keys; "
            + "a top-level key is the name of a pool; indent the keys of the pool below it"
    ),
    ("'':\n  listen: h:1\n  servers: {embedded: 1}\n", "k.yml:1: a pool has an empty name; give it a name"),
]

@Test(arguments: rules)
func aRuleBetweenKeysIsReportedAtItsLine(text: String, line: String) {
    #expect(errors(text) == [line])
}

@Test func allErrorsOfAFileComeAtOnceInFileOrder() {
    let text = """
        beta:
          listen: h
          hash_tag: abc
          servers:
            - h:1
            - h:1:1
            - h:2:0
        alpha:
          listen: h:1
          redis: false
          server_connections: 0
          servers:
            embedded: 0
            memory: lots
        keyway:
          workers: many
        """
    #expect(
        errors(text) == [
            "k.yml:2: beta.listen: \"h\" has no port; write host:port, [IPv6]:port or /path",
            "k.yml:3: beta.hash_tag: \"abc\" has 3 bytes, not exactly 2; use two characters such as \"{}\", "
                + "or remove the line",
            "k.yml:5: beta.servers: \"h:1\" has no weight; write host:port:weight, host:port:weight name, or "
                + "/path:weight; a weight is needed, most often 1",
            "k.yml:7: beta.servers: weight 0 of \"h:2:0\" is below the minimum 1; use 1, or remove the line",
            "k.yml:10: alpha.redis: false asks for the memcached protocol, which Keyway does not speak; "
                + "use true and servers that are Valkey or Redis, or leave this pool to twemproxy",
            "k.yml:11: alpha.server_connections: 0 is below the minimum 1; "
                + "use 1...1024 connections, or remove the line for 1",
            "k.yml:13: alpha.servers.embedded: 0 is below the minimum 1; use 1...64 servers",
            "k.yml:14: alpha.servers.memory: \"lots\" is not a size such as 1048576, 512kb, 64mb or 1gb; "
                + "use 1mb...1024gb, or remove the line for 256mb",
            "k.yml:16: keyway.workers: \"many\" is not a whole number; "
                + "use 0...256 threads (0 = one for each core), or remove the line for 0",
        ])
}

@Test func whatHasNoOrAnotherEffectIsAWarning() throws {
    let text = pool(
        "auto_eject_hosts: true", "server_connections: 4", "client_connections: 100", "reuseport: false",
        "sentinels:", "  - 127.0.0.1:26379:1")
    #expect(
        try Settings.parse(text: text, fileName: "k.yml").warnings.map(\.description) == [
            "k.yml:4: alpha.auto_eject_hosts: a server that returns has old values of the keys that were written "
                + "elsewhere meanwhile; add eject_return: flush for a cache, or hold to bring it back by hand",
            "k.yml:5: alpha.server_connections: every worker opens 4 connections to every server; "
                + "1 is most often enough, as requests share a connection without waiting for each other's replies",
            "k.yml:6: alpha.client_connections: twemproxy ignores this limit; Keyway honours it and refuses more than "
                + "100 clients; remove the line if no limit is wanted",
            "k.yml:7: alpha.reuseport: false has no effect: Keyway always listens with SO_REUSEPORT; remove the line",
            "k.yml:8: alpha.sentinels: is accepted but not used: Keyway does not ask sentinels; "
                + "list the servers under servers:, and remove the line",
        ])
}

@Test func whatIsAsInTwemproxyOrByDefaultWarnsOfNothing() throws {
    let text = pool("auto_eject_hosts: false", "server_connections: 1", "client_connections: 0", "reuseport: true")
    #expect(try Settings.parse(text: text, fileName: "k.yml").warnings == [])
}
