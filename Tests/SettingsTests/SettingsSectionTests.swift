import Settings
import Testing

private let poolLines: [(line: String, text: String)] = [
    ("timout: 1", "alpha.timout: is not a known key; did you mean timeout?"),
    ("hashtag: '{}'", "alpha.hashtag: is not a known key; did you mean hash_tag?"),
    ("bananas: 1", "alpha.bananas: is not a known key; remove the line; conf/reference.yml has all keys"),
    ("maxclients: 1", "alpha.maxclients: does not belong here; write it under the top-level key keyway:"),
    ("memory: 1gb", "alpha.memory: does not belong here; write it under servers: as a map with embedded:"),
    ("timeout:", "alpha.timeout: has no value; use 0...2147483647 ms (0 = wait for ever), or remove the line for 5000"),
    ("redis_auth: ''", "alpha.redis_auth: has no value; use the password, or remove the line"),
    (
        "timeout: -1",
        "alpha.timeout: -1 is below the minimum 0; "
            + "use 0...2147483647 ms (0 = wait for ever), or remove the line for 5000"
    ),
    ("redis_db: one", "alpha.redis_db: \"one\" is not a whole number; use 0...2147483647, or remove the line for 0"),
    (
        "connect_timeout: 600001",
        "alpha.connect_timeout: 600001 is above the maximum 600000; use 1...600000 ms, or remove the line for 1000"
    ),
    (
        "connect_timeout: 99999999999999999999",
        "alpha.connect_timeout: 99999999999999999999 is above the maximum 600000; "
            + "use 1...600000 ms, or remove the line for 1000"
    ),
    (
        "server_connections: 0",
        "alpha.server_connections: 0 is below the minimum 1; use 1...1024 connections, or remove the line for 1"
    ),
    (
        "server_queue_limit: 1kb",
        "alpha.server_queue_limit: 1kb is below the minimum 64kb; use 64kb...1024gb, or remove the line for 64mb"
    ),
    (
        "server_queue_limit: big",
        "alpha.server_queue_limit: \"big\" is not a size such as 1048576, 512kb, 64mb or 1gb; "
            + "use 64kb...1024gb, or remove the line for 64mb"
    ),
    ("preconnect: yes", "alpha.preconnect: \"yes\" is not true or false; write true"),
    ("preconnect: On", "alpha.preconnect: \"On\" is not true or false; write true"),
    ("preconnect: False", "alpha.preconnect: \"False\" is not true or false; write false"),
    ("preconnect: 0", "alpha.preconnect: \"0\" is not true or false; write false"),
    (
        "preconnect: maybe",
        "alpha.preconnect: \"maybe\" is not true or false; write true or false, or remove the line for false"
    ),
    (
        "distribution: ketma",
        "alpha.distribution: \"ketma\" is not one of ketama, modula, random, slots; did you mean ketama?"
    ),
    (
        "char: wide",
        "alpha.char: \"wide\" is not one of signed, unsigned; use one of them, or remove the line for signed"
    ),
    (
        "hash: [md5]",
        "alpha.hash: is a list, not a single value; use fnv1a_64, fnv1_64, fnv1_32, fnv1a_32, one_at_a_time, md5, "
            + "crc16, crc32, crc32a, hsieh, murmur, jenkins, or remove the line for fnv1a_64"
    ),
    (
        "hash_tag: {}",
        "alpha.hash_tag: is a map, not a single value; "
            + "use two characters in quotes, such as \"{}\", or remove the line"
    ),
]

@Test(arguments: poolLines)
func aWrongLineOfAPoolIsRefusedWithItsReason(line: String, text: String) {
    #expect(errors(pool(line)) == ["k.yml:4: \(text)"])
}

private let processLines: [(line: String, text: String)] = [
    ("worker: 2", "keyway.worker: is not a known key; did you mean workers?"),
    ("listen: h:1", "keyway.listen: does not belong here; write it under a pool"),
    (
        "workers: 257",
        "keyway.workers: 257 is above the maximum 256; "
            + "use 0...256 threads (0 = one for each core), or remove the line for 0"
    ),
    (
        "pacing: fast",
        "keyway.pacing: \"fast\" is not a whole number; "
            + "use auto, off, 1...1000 microseconds, or remove the line for auto"
    ),
    (
        "pacing: 0",
        "keyway.pacing: 0 is below the minimum 1; use auto, off, 1...1000 microseconds, or remove the line for auto"
    ),
    (
        "log_level: warn",
        "keyway.log_level: \"warn\" is not one of trace, debug, info, notice, warning, error, critical; "
            + "use one of them, or remove the line for notice"
    ),
    (
        "proto_max_bulk_len: 1gb",
        "keyway.proto_max_bulk_len: 1gb is above the maximum 512mb; use 1mb...512mb, or remove the line for 512mb"
    ),
    ("stats_listen: 22222", "keyway.stats_listen: \"22222\" has no address; write host:port"),
    ("stats_listen: /tmp/s", "keyway.stats_listen: \"/tmp/s\" has no port; write host:port"),
    ("admin_listen: /tmp/s", "keyway.admin_listen: \"/tmp/s\" has no port; write host:port, or a port"),
    ("admin_listen: 0", "keyway.admin_listen: \"0\" has no port; write host:port, or a port"),
    (
        "admin_token: short",
        "keyway.admin_token: it has 5 characters, or some that a header cannot carry; take 16 or more random letters "
            + "and digits"
    ),
]

@Test(arguments: processLines)
func aWrongLineOfTheProcessIsRefusedWithItsReason(line: String, text: String) {
    #expect(errors(process(line)) == ["k.yml:5: \(text)"])
}

@Test func missingKeysAreNamedAtTheNameOfTheirMap() {
    #expect(
        errors("\na:\n  timeout: 1\nb: {}\n") == [
            "k.yml:2: a.listen: is missing; add listen: with host:port, [IPv6]:port, /path or /path 0660",
            "k.yml:2: a.servers: is missing; add servers: with a list of host:port:weight[ name] or "
                + "/path:weight[ name], or a map with embedded:",
            "k.yml:4: b.listen: is missing; add listen: with host:port, [IPv6]:port, /path or /path 0660",
            "k.yml:4: b.servers: is missing; add servers: with a list of host:port:weight[ name] or "
                + "/path:weight[ name], or a map with embedded:",
        ])
}

@Test func aPasswordIsNeverShown() {
    let lines = errors(pool("redis_auth: [hunter2]", "timeout: x"))
    #expect(lines.count == 2)
    #expect(!lines.joined().contains("hunter2"))
}
