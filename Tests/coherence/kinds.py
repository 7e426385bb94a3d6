"""The kinds of keys: how a version of each is written, ended and read.

Every write replaces all that reads may see of a key, so a version stands for its whole state. Values bear the name of
their key beside the version, so that the reply to another request is found for what it is; a sorted set's are the only
ones below zero. A counter is its own version, which its server keeps.
"""

import random

from .history import ABSENT
from .steps import Step

_FILLER = bytes(range(33, 127)) * 4
# From here on a request flows through Keyway on a connection of its own.
_LONG = b"x" * 70_000
_TRUE_SCRIPT = b"redis.call(ARGV[1], KEYS[1], ARGV[2], ARGV[3]) return 1"


def _plain(data: object) -> object:
    """Doubles of RESP3 as strings, and its null as that of RESP2."""
    return (data[1] or None) if type(data) is tuple and data[0] in "_," else data


def _number(data: object) -> int | None | str:
    text = _plain(data)
    if text is None:
        return None
    return int(text) if isinstance(text, bytes) and text.isdigit() else f"{data!r:.80} is no version"


def _score(data: object) -> int | None | str:
    text = _plain(data)
    if text is None:
        return None
    is_score = isinstance(text, bytes) and text.startswith(b"-")
    return _number(text[1:]) if is_score else f"{data!r:.80} is no score"


def mark(key: bytes, version: int) -> bytes:
    return b"%b.%d" % (key, version)


def _unmark(key: bytes, data: object) -> int | None | str:
    text = _plain(data)
    if text is None:
        return None
    prefix = key + b"."
    if not isinstance(text, bytes) or not text.startswith(prefix):
        return f"{data!r:.80} is no version of {key.decode()}"
    return _number(text.removeprefix(prefix))


def spell(key: bytes, version: int) -> bytes:
    """A string's version; its own beginning says what follows."""
    return mark(key, version) + b"|" + _FILLER[version % 94 :][: version % 60]


def unspell(key: bytes, data: object) -> int | None | str:
    text = _plain(data)
    if text is None:
        return None
    version = _unmark(key, text.partition(b"|")[0] if isinstance(text, bytes) else text)
    return version if isinstance(version, int) and text == spell(key, version) else f"{data!r:.80} was never written"


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
        value, source = spell(key, version), _source(key, version)
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
        return [Step(b"SET PX", [[b"SET", key, spell(key, version), b"PX", b"%d" % life_ms]])]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"GET", [[b"GET", key]], key, lambda data: unspell(key, data)),
            Step(b"GETRANGE", [[b"GETRANGE", key, b"0", b"200"]], key, lambda data: unspell(key, data or None)),
            Step(b"MGET", [[b"MGET", key, b"{%b}.other" % key]], key, lambda data: unspell(key, data[0])),
            Step(b"MULTI GET", [[b"MULTI"], [b"GET", key], [b"EXEC"]], key, lambda data: unspell(key, data[0])),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('GET', KEYS[1])", b"1", key]], key,
                 lambda data: unspell(key, data)),
        ]


class Hashes(Kind):
    name = "h"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value = mark(key, version)
        fields = [b"v", value, b"w", value]
        return [
            Step(b"HSET", [[b"HSET", key, *fields]]),
            Step(b"HMSET", [[b"HMSET", key, *fields]]),
            Step(b"MULTI HSET", [[b"MULTI"], [b"HSET", key, b"v", value], [b"HSET", key, b"w", value], [b"EXEC"]]),
            Step(b"long HSET", [[b"HSET", key, *fields, b"x", _LONG]]),
        ]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"HGET", [[b"HGET", key, b"v"]], key, lambda data: _unmark(key, data)),
            Step(b"HMGET", [[b"HMGET", key, b"v", b"w"]], key, lambda data: _pair(key, data)),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('HMGET', KEYS[1], 'v', 'w')", b"1", key]], key,
                 lambda data: _pair(key, data)),
        ]


class Lists(Kind):
    name = "l"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value, source = mark(key, version), _source(key, version)
        return [
            Step(b"LPUSH", [[b"LPUSH", key, value]]),
            Step(b"MULTI LPUSH", [[b"MULTI"], [b"DEL", key], [b"LPUSH", key, value], [b"EXEC"]]),
            Step(b"LMOVE", [[b"RPUSH", source, value], [b"LMOVE", source, key, b"RIGHT", b"LEFT"]]),
            Step(b"BLMOVE", [[b"RPUSH", source, value], [b"BLMOVE", source, key, b"RIGHT", b"LEFT", b"1"]]),
        ]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"LINDEX", [[b"LINDEX", key, b"0"]], key, lambda data: _unmark(key, data)),
            Step(b"LRANGE", [[b"LRANGE", key, b"0", b"0"]], key,
                 lambda data: _unmark(key, data[0] if data else None)),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('LINDEX', KEYS[1], 0)", b"1", key]], key,
                 lambda data: _unmark(key, data)),
        ]


class SortedSets(Kind):
    name = "z"

    def writes(self, key: bytes, version: int) -> list[Step]:
        value = b"-%d" % version
        return [
            Step(b"ZADD", [[b"ZADD", key, value, b"m"]]),
            Step(b"MULTI ZADD", [[b"MULTI"], [b"ZADD", key, value, b"m"], [b"EXEC"]]),
            Step(b"EVAL ZADD", [[b"EVAL", _TRUE_SCRIPT, b"1", key, b"ZADD", value, b"m"]]),
        ]

    def ends(self, key: bytes) -> list[Step]:
        return [*super().ends(key), Step(b"ZREM", [[b"ZREM", key, b"m"]])]

    def reads(self, key: bytes) -> list[Step]:
        return [
            Step(b"ZSCORE", [[b"ZSCORE", key, b"m"]], key, _score),
            Step(b"ZMSCORE", [[b"ZMSCORE", key, b"m", b"n"]], key, lambda data: _score(data[0])),
            Step(b"EVAL_RO", [[b"EVAL_RO", b"return redis.call('ZSCORE', KEYS[1], 'm')", b"1", key]], key, _score),
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


def _pair(key: bytes, data: object) -> int | None | str:
    first, second = (_unmark(key, value) for value in data)
    return first if first == second else f"fields {first} and {second} of one write"


KINDS = {kind.name: kind for kind in (Strings(), Hashes(), Lists(), SortedSets(), Counters())}


def kind_of(key: bytes) -> Kind:
    return KINDS[chr(key[0])]


def draw_read(key: bytes, source: random.Random) -> Step:
    """Mostly those that copies answer."""
    reads = kind_of(key).reads(key)
    return reads[min(int(source.expovariate(1.6)), len(reads) - 1)]

