"""Words for arguments: few enough that commands meet each other's data, odd enough to find what is odd.

Numbers leave out what would only cost memory or time: an offset of 2^31 bits, a count of -2^40 members, an expiry
that strikes during the run. What a name in COMMAND DOCS means is looked up here, by name and then by type.
"""

import hashlib
import random

TYPES = ["string", "counter", "bitmap", "hash", "list", "set", "zset", "geo", "stream", "hll"]
GROUP_TYPES = {
    "string": ["string", "counter"], "bitmap": ["bitmap"], "hash": ["hash"], "list": ["list"], "set": ["set"],
    "sorted-set": ["zset"], "geo": ["geo"], "stream": ["stream"], "hyperloglog": ["hll"],
}
COMMAND_TYPES = {
    "incr": ["counter"], "decr": ["counter"], "incrby": ["counter"], "decrby": ["counter"],
    "incrbyfloat": ["counter"], "sort": ["list", "set", "zset"], "sort_ro": ["list", "set", "zset"],
    # By names, only sets of one score have an order; they have keys of their own.
    "zrangebylex": ["lex"], "zrevrangebylex": ["lex"], "zlexcount": ["lex"], "zremrangebylex": ["lex"],
    "zunion": ["zset", "set"], "zunionstore": ["zset", "set"], "zinterstore": ["zset", "set"],
}
TAGS = [b"{a}", b"{b}", b"{c}", b"{d}", b"{e}"]
ODD_KEYS = [b"", b"{}x", b"{", b"a b", b"\r\n", bytes(range(256)), b"long" * 80, b"0", b"-1"]

WORDS = [b"a", b"b", b"c", b"d", b"e", b"f", b"0", b"1", b"2", b"10", b"-1", b"3.5", b"", b"abc", b"hello world"]
ODD_WORDS = [b"\x00\xff\r\n", b"x" * 70, b"9223372036854775807", b"  1", b"1e3", b"inf", b"*", b"$3", b"+OK"]

INTEGERS = [b"0", b"1", b"2", b"3", b"5", b"10", b"-1", b"-2", b"-3", b"100"]
ODD_INTEGERS = [
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"x", b"", b"1.5", b"01", b" 1", b"+1",
]
SCORES = [b"0", b"1", b"2", b"3", b"-1", b"2.5", b"1e3", b"0.1", b"10", b"-7.25"]
ODD_SCORES = [b"inf", b"-inf", b"+inf", b"nan", b"x", b"", b"1e400", b"3.0000000000000001", b"0x10"]
BOUNDS = [b"-inf", b"+inf", b"0", b"1", b"(1", b"2", b"(3", b"5", b"(inf"]
LEX = [b"-", b"+", b"[a", b"[c", b"(b", b"[", b"(z", b"[hello"]
STREAM_IDS = [b"-", b"+", b"0", b"0-0", b"1-1", b"2-1", b"3-0", b"5", b"(1-1", b"9-9", b"100"]
PATTERNS = [b"*", b"*:1", b"{a}*", b"hash:*", b"z*", b"nothing", b"[ab]*", b"?", b"", b"*[", b"\\*"]

SCRIPTS = [
    b"return 1", b"return KEYS", b"return ARGV", b"return redis.call('get', KEYS[1])", b"return {1, 2, {3, 'x'}}",
    b"redis.call('set', KEYS[1], ARGV[1]) return redis.call('get', KEYS[1])", b"return redis.error_reply('MY wrong')",
    b"return redis.status_reply('FINE')", b"return redis.call('incrby', KEYS[1], 2)", b"return {ok='yes'}",
    b"return redis.pcall('lpush', KEYS[1], 'a')", b"not lua", b"redis.setresp(3) return {map={a=1}}",
    b"return redis.call('nosuch')", b"return 3.7", b"return false", b"redis.setresp(3) return {double=3.5}",
    b"return redis.call('type', KEYS[1])", b"#!lua flags=no-writes\nreturn redis.call('strlen', KEYS[1])",
]
DIGESTS = [hashlib.sha1(script).hexdigest().encode() for script in SCRIPTS] + [b"0" * 40, b"x"]
LIBRARIES = [
    b"#!lua name=one\nserver.register_function('one_get', function(keys, args) return redis.call('get', keys[1]) end)",
    b"#!lua name=two\nserver.register_function{function_name='two_len', flags={'no-writes'},"
    b" callback=function(keys, args) return #keys + #args end}",
    b"#!lua name=two\nserver.register_function('two_other', function(keys, args) return 'other' end)",
    b"#!lua name=bad\nnot lua", b"no shebang", b"#!lua name=three\nlocal x = 1",
]

INTEGER_NAMES = {
    "offset": [b"0", b"1", b"2", b"7", b"8", b"100", b"-1", b"4611686018427387904", b"#1", b"x"],
    "seconds": [b"1000", b"100000", b"3600", b"86400", b"0", b"-1", b"9223372036854775807", b"x"],
    "milliseconds": [b"1000000", b"100000000", b"3600000", b"0", b"-1", b"9223372036854775807", b"x"],
    "unix-time-seconds": [b"4102444800", b"4102448400", b"1", b"0", b"-1", b"x"],
    "unix-time-milliseconds": [b"4102444800000", b"4102448400123", b"1", b"0", b"-1", b"x"],
    "ttl": [b"0", b"0", b"100000000", b"-1"],
    "ms": [b"0", b"1000000000"],
    "min-idle-time": [b"0", b"0", b"1000000000", b"-1", b"x"],
    "bit": [b"0", b"1", b"1", b"2"],
    "protover": [b"2", b"3", b"3", b"4", b"x"],
    "client-id": [b"999999999", b"0", b"x"], "not-client-id": [b"999999999"],
    "index": INTEGERS, "db": [b"0", b"1", b"2", b"3", b"15", b"16", b"-1", b"x"],
    "destination-db": [b"0", b"1", b"2", b"3", b"99"], "index1": [b"0", b"1"], "index2": [b"2", b"3"],
    "cursor": [b"0", b"0", b"0", b"0", b"17", b"x"],
    "slot": [b"0", b"100", b"16383", b"16384"], "bits": [b"32", b"64", b"0"],
    "count": [b"1", b"2", b"3", b"10", b"100", b"0", b"-1", b"x"],
    "numreplicas": [b"0"], "numlocal": [b"0"], "weight": [b"1", b"2", b"0.5", b"-1", b"0", b"x", b"inf"],
    "version": [b"5", b"6"], "num-vertices": [b"3"], "frequency": [b"5", b"255", b"256"],
    "entriesread": [b"0", b"1", b"5", b"-1"], "entries-added": [b"100", b"1000", b"0"], "timeout": [b"1"],
}
STRING_NAMES = {
    "encoding": [b"u8", b"i8", b"u1", b"i64", b"u63", b"u64", b"i5", b"x"],
    "group": [b"g1", b"g1", b"g2", b"nogroup"], "consumer": [b"c1", b"c2", b"c3"],
    "id": STREAM_IDS + [b"$", b">"], "last-id": STREAM_IDS, "lastid": STREAM_IDS, "max-deleted-id": [b"0-0", b"1-1"],
    "threshold": [b"0", b"2", b"5", b"1-1", b"100"], "min-idle-time": INTEGER_NAMES["min-idle-time"],
    "script": SCRIPTS, "sha1": DIGESTS, "function": [b"one_get", b"two_len", b"two_other", b"nofunction"],
    "function-code": LIBRARIES, "library-name": [b"one", b"two", b"nolibrary"], "library-name-pattern": PATTERNS,
    "channel": [b"ch1", b"ch2", b"ch3", b""], "shardchannel": [b"sch1", b"sch2", b"{a}sch"],
    "parameter": [b"maxmemory", b"save", b"appendonly", b"maxmemory-policy", b"nosuch", b"databases", b"proto-max*"],
    "section": [b"server", b"keyspace", b"nosuch", b"all", b"everything", b"commandstats"],
    "command-name": [b"get", b"SET", b"nosuch", b"config|get", b"xread", b"zrange", b"eval", b"client"],
    "command": [b"get", b"SET", b"nosuch", b"mset", b"eval", b"zunionstore", b"sort", b"xreadgroup", b"config"],
    "category": [b"string", b"read", b"fast", b"dangerous", b"nosuch"], "module-name": [b"nosuch"],
    "event": [b"command", b"fork", b"nosuch"], "username": [b"default"],
    "password": [b"secret", b""], "connection-name": [b"me", b"other", b"has space", b""], "clientname": [b"me"],
    "capability": [b"redirect", b"x"], "libname": [b"mylib", b"bad lib"], "libver": [b"1.0"], "rule": [b"on", b"+@all"],
    "type": [b"string", b"hash", b"zset", b"nosuch"], "subcommand": [b"x"], "key": [b"foo", b"{a}x", b""],
    "node-id": [b"0" * 40], "metric": [b"key-count"], "engine": [b"lua"], "prefix": [b"a"],
    "by-pattern": [b"*", b"nosort", b"w_*", b"hash:*->a", b"string:*", b"{a}*"],
    "get-pattern": [b"#", b"string:*", b"hash:*->a", b"*", b"{a}string:*"],
    "match-pattern": PATTERNS,
}
DOUBLE_NAMES = {
    "longitude": [b"13.361389", b"15.087269", b"0", b"-120.5", b"180", b"181", b"x"],
    "latitude": [b"38.115556", b"37.502669", b"0", b"45.1", b"85", b"91", b"x"],
    "radius": [b"100", b"1", b"5000", b"0", b"-1", b"x"], "width": [b"400", b"1", b"-1"], "height": [b"400", b"10000"],
    "timeout": [b"0.01"], "min": BOUNDS, "max": BOUNDS, "increment": SCORES,
}
# Where a name means something else in one command.
COMMAND_NAMES = {
    ("zrange", "start"): INTEGERS, ("zrange", "stop"): INTEGERS, ("zrangestore", "min"): INTEGERS,
    ("zrangestore", "max"): INTEGERS, ("setbit", "value"): [b"0", b"1", b"1", b"2"],
    ("wait", "numreplicas"): [b"0", b"0", b"1"], ("config|set", "parameter"): [b"slowlog-max-len", b"nosuch"],
    ("config|set", "value"): [b"128"], ("hexpireat", "unix-time-seconds"): INTEGER_NAMES["unix-time-seconds"],
    # A key that is born dead counts until it is looked at.
    ("msetex", "unix-time-seconds"): [b"4102444800"], ("msetex", "unix-time-milliseconds"): [b"4102444800000"],
    ("acl|getuser", "username"): [b"default", b"nobody"], ("acl|dryrun", "username"): [b"default", b"nobody"],
}
for _command in ("zrangebylex", "zrevrangebylex", "zremrangebylex", "zlexcount"):
    COMMAND_NAMES[(_command, "min")] = COMMAND_NAMES[(_command, "max")] = LEX
for _command in ("xrange", "xrevrange", "xpending", "xautoclaim"):
    COMMAND_NAMES[(_command, "start")] = COMMAND_NAMES[(_command, "end")] = STREAM_IDS


class Vocabulary:
    """Draws words; `begin` starts a command, whose keys then tend to share a type and a hash tag."""

    def __init__(self, random_source: random.Random, payloads: list[bytes]):
        self.random = random_source
        self.payloads = payloads
        self.types = TYPES
        self.tag: bytes | None = None
        self.stream_clock = 10

    def pick(self, words: list) -> object:
        return words[int(self.random.random() * len(words))]

    def begin(self, command: str, group: str, same_tag_share: float) -> None:
        self.types = COMMAND_TYPES.get(command) or GROUP_TYPES.get(group) or [self.pick(TYPES)]
        self.tag = self.pick(TAGS) if self.random.random() < same_tag_share else None

    def key(self, kind: str | None = None) -> bytes:
        draw = self.random.random()
        if kind is None and self.types == ["lex"]:
            kind = "lex"
        elif draw < 0.01:
            return self.pick(ODD_KEYS)
        if kind is None:
            kind = self.pick(self.types) if draw < 0.93 else self.pick(TYPES)
        if self.tag is not None:
            return b"%b%b:%d" % (self.tag, kind.encode(), int(self.random.random() * 3))
        number = int(self.random.random() * 10)
        tag = TAGS[number - 5] if number >= 5 else b""
        return b"%b%b:%d" % (tag, kind.encode(), int(self.random.random() * 5))

    def value(self, command: str, name: str, kind: str) -> bytes:
        """A word for an argument, as COMMAND DOCS names and types it."""
        if (words := COMMAND_NAMES.get((command, name))) is not None:
            return self.pick(words)
        if kind == "integer" or kind == "unix-time":
            words = INTEGER_NAMES.get(name)
            if words is None:
                words = INTEGERS if self.random.random() < 0.95 else ODD_INTEGERS
            return self.pick(words)
        if kind == "double":
            words = DOUBLE_NAMES.get(name)
            if words is None:
                words = SCORES if self.random.random() < 0.93 else ODD_SCORES
            return self.pick(words)
        if kind == "pattern":
            return self.pick(STRING_NAMES.get(name) or PATTERNS)
        if name == "serialized-value":
            return self.pick(self.payloads)
        if name == "id" and command == "xadd":
            self.stream_clock += 1
            return b"%d-%d" % (self.stream_clock, int(self.random.random() * 3)) \
                if self.random.random() < 0.9 else self.pick(STREAM_IDS)
        if (words := STRING_NAMES.get(name)) is not None:
            return self.pick(words)
        return self.pick(WORDS if self.random.random() < 0.93 else ODD_WORDS)
