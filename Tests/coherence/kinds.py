"""The kinds of keys: how a version of each is written, ended and read.

Every write replaces all that reads may see of a key, so a version stands for its whole state. A counter is its own
version, which its server keeps.
"""

import random

from .history import ABSENT
from .steps import Step

_FILLER = bytes(range(33, 127)) * 4
# From here on a request flows through Keyway on a connection of its own.
_LONG = b"x" * 70_000
_TRUE_SCRIPT = b"redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3]) return 1"


def _number(data: bytes | None) -> int | None | str:
    if data is None:
        return None
    if type(data) is tuple and data[0] in "_,":
        # Null and double of RESP3.
        data = data[1] or None
        return _number(data)
    return int(data) if isinstance(data, bytes) and data.isdigit() else f"{data!r:.80} is no version"


def spell(version: int) -> bytes:
    """A string's version; its own beginning says what follows."""
    return b"%d|" % version + _FILLER[version % 94 :][: version % 60]


def unspell(data: object) -> int | None | str:
    if data is None or data == ("_", b""):
        return None
    number = data.partition(b"|")[0] if isinstance(data, bytes) else b""
    if number.isdigit() and data == spell(int(number)):
        return int(number)
    return f"{data!r:.80} was never written"


def _source(key: bytes, version: int) -> bytes:
    """Where a version comes from that is moved. What is left of another one must not come in its place."""
    return b"{%b}.%d" % (key, version)


class Kind:
    """`name` is the first byte of its keys."""

    name = ""

    def writes(self, key: bytes, version: int) -> list[Step]:
        """All ways to write; each step acknowledges one version."""
        raise NotImplementedError

    def reads(self, key: bytes) -> list[Step]:
        """Those that are answered from copies come first."""
        raise NotImplementedError

    def ends(self, key: bytes) -> list[Step]:
        return [Step(b"DEL", [[b"DEL", key]]), Step(b"UNLINK", [[b"UNLINK", key]])]


class Strings(Kind):
    name = "s"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value, source = spell(version), _source(key, version)
        return [
            Step(b"SET", [[b"SET", key, value]]),
            Step(b"GETSET", [[b"GETSET", key, value]]),
            Step(b"MSET", [[b"MSET", key, value, b"{%b}.other" % key, b"1"]]),
            Step(b"MULTI SET", [[b"MULTI"], [b"SET", key, value], [b"EXEC"]]),
            Step(b"EVAL SET", [[b"EVAL", b"return redis.call('SET', KEYS[1], ARGV[1])", b"1", key, value]]),
            Step(b"RENAME", [[b"SET", source, value], [b"RENAME", source, key]]),
            Step(b"COPY", [[b"SET", source, value], [b"COPY", source, key, b"REPLACE"],
                           [b"UNLINK", source]]),
        ]

    def lives(self, key: bytes, version: int, life_ms: int) -> list[Step]:
        """Writes of versions that end by themselves."""
        return [Step(b"SET PX", [[b"SET", key, spell(version), b"PX", b"%d" % life_ms]])]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"GET", [[b"GET", key]], key, unspell),
            Step(b"GETRANGE", [[b"GETRANGE", key, b"0", b"200"]], key, lambda data: unspell(data or None)),
            Step(b"MGET", [[b"MGET", key, b"{%b}.other" % key]], key, lambda data: unspell(data[0])),
            Step(b"MULTI GET", [[b"MULTI"], [b"GET", key], [b"EXEC"]], key, lambda data: unspell(data[0])),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('GET', KEYS[1])", b"1", key]], key, unspell),
        ]


class Hashes(Kind):
    name = "h"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value = b"%d" % version
        fields = [b"v", value, b"w", value]
        return [
            Step(b"HSET", [[b"HSET", key, *fields]]),
            Step(b"HMSET", [[b"HMSET", key, *fields]]),
            Step(b"MULTI HSET", [[b"MULTI"], [b"HSET", key, b"v", value], [b"HSET", key, b"w", value], [b"EXEC"]]),
            Step(b"long HSET", [[b"HSET", key, *fields, b"x", _LONG]]),
        ]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"HGET", [[b"HGET", key, b"v"]], key, _number),
            Step(b"HMGET", [[b"HMGET", key, b"v", b"w"]], key, _pair),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('HMGET', KEYS[1], 'v', 'w')", b"1", key]], key, _pair),
        ]


class Lists(Kind):
    name = "l"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value, source = b"%d" % version, _source(key, version)
        return [
            Step(b"LPUSH", [[b"LPUSH", key, value]]),
            Step(b"MULTI LPUSH", [[b"MULTI"], [b"DEL", key], [b"LPUSH", key, value], [b"EXEC"]]),
            Step(b"LMOVE", [[b"RPUSH", source, value], [b"LMOVE", source, key, b"RIGHT", b"LEFT"]]),
            Step(b"BLMOVE", [[b"RPUSH", source, value], [b"BLMOVE", source, key, b"RIGHT", b"LEFT", b"1"]]),
        ]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"LINDEX", [[b"LINDEX", key, b"0"]], key, _number),
            Step(b"LRANGE", [[b"LRANGE", key, b"0", b"0"]], key, lambda data: _number(data[0] if data else None)),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('LINDEX', KEYS[1], 0)", b"1", key]], key, _number),
        ]


class SortedSets(Kind):
    name = "z"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value = b"%d" % version
        return [
            Step(b"ZADD", [[b"ZADD", key, value, b"m"]]),
            Step(b"MULTI ZADD", [[b"MULTI"], [b"ZADD", key, value, b"m"], [b"EXEC"]]),
            Step(b"EVAL ZADD", [[b"EVAL", _TRUE_SCRIPT, b"1", key, b"ZADD", value, b"m"]]),
        ]

    def ends(self, key: bytes) -> list[Step]:
        return [*super().ends(key), Step(b"ZREM", [[b"ZREM", key, b"m"]])]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"ZSCORE", [[b"ZSCORE", key, b"m"]], key, _number),
            Step(b"ZMSCORE", [[b"ZMSCORE", key, b"m", b"n"]], key, lambda data: _number(data[0])),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('ZSCORE', KEYS[1], 'm')", b"1", key]], key, _number),
        ]


class Counters(Kind):
    """Anybody may write at any time: the reply says which version it was."""

    name = "c"

    def writes(self, key: bytes, version: int) -> list[Step]:
        return [
            Step(b"INCR", [[b"INCR", key]], key, lambda data: data),
            Step(b"MULTI INCR", [[b"MULTI"], [b"INCR", key], [b"EXEC"]], key, lambda data: data[0]),
            Step(b"EVAL INCR", [[b"EVAL", b"return redis.call('INCR', KEYS[1])", b"1", key]], key, lambda data: data),
        ]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"GET", [[b"GET", key]], key, _count),
            Step(b"GETRANGE", [[b"GETRANGE", key, b"0", b"-1"]], key, lambda data: _count(data or None)),
            Step(b"MGET", [[b"MGET", key]], key, lambda data: _count(data[0])),
            Step(b"MULTI GET", [[b"MULTI"], [b"GET", key], [b"EXEC"]], key, lambda data: _count(data[0])),
        ]


def _count(data: object) -> int | str:
    number = _number(data)
    return ABSENT if number is None else number


def _pair(data: object) -> int | None | str:
    first, second = map(_number, data)
    return first if first == second else f"fields {first} and {second} of one write"


KINDS = {kind.name: kind for kind in (Strings(), Hashes(), Lists(), SortedSets(), Counters())}


def kind_of(key: bytes) -> Kind:
    return KINDS[chr(key[0])]


def draw_read(key: bytes, source: random.Random) -> Step:
    """Mostly those that copies answer."""
    reads = kind_of(key).reads(key)
    return reads[min(int(source.expovariate(1.6)), len(reads) - 1)]

