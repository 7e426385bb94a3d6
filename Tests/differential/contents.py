"""All data of both sides, read past Keyway: per database and key its type, its content and its expiry. Not by DUMP,
whose bytes depend on how a server stores a value. Where a key lives is checked on the way."""

from .compare import NEAR
from .placement import SHARD_COUNT, shard_of
from .resp import Connection, Tree, is_error, show

READS = {
    b"string": [(b"GET",)], b"list": [(b"LRANGE", 0, -1)], b"set": [(b"SMEMBERS",)], b"hash": [(b"HGETALL",)],
    b"zset": [(b"ZRANGE", 0, -1, b"WITHSCORES")], b"stream": [(b"XRANGE", b"-", b"+")],
}
UNORDERED = {b"set": 1, b"hash": 2}

# (type, content, expiry in ms since 1970 or a negative number)
Value = tuple[bytes, Tree, int]


def read(connection: Connection, databases: list[int]) -> dict[tuple[int, bytes], Value]:
    values = {}
    for database in databases:
        connection.command("SELECT", database)
        keys = connection.command("KEYS", "*")
        types = [reply[1] for reply in connection.pipeline([(b"TYPE", key) for key in keys])]
        expiries = connection.pipeline([(b"PEXPIRETIME", key) for key in keys])
        contents = connection.pipeline(
            [(read[0], key, *read[1:]) for key, kind in zip(keys, types, strict=True) for read in READS[kind]])
        for key, kind, content, expiry in zip(keys, types, contents, expiries, strict=True):
            values[database, key] = (kind, _ordered(kind, content), expiry)
    connection.command("SELECT", 0)
    return values


def _ordered(kind: bytes, content: Tree) -> Tree:
    step = UNORDERED.get(kind)
    if step is None:
        return content
    return sorted(tuple(content[start : start + step]) for start in range(0, len(content), step))


def used_databases(connection: Connection) -> list[int]:
    text = connection.command("INFO", "keyspace")
    return sorted(int(line[2 : line.index(b":")]) for line in text.split() if line.startswith(b"db"))


def difference(shards: list[Connection], one: Connection) -> str | None:
    """What differs, in words; None when all is equal."""
    databases = sorted({number for connection in [*shards, one] for number in used_databases(connection)})
    expected = read(one, databases)
    found: dict[tuple[int, bytes], Value] = {}
    for number, shard in enumerate(shards):
        for (database, key), value in read(shard, databases).items():
            home = shard_of(key) if len(shards) > 1 else 0
            if home != number:
                return f"key {key!r} of database {database} is on shard {number} of {SHARD_COUNT}, not {home}"
            found[database, key] = value
    for place in sorted(expected.keys() | found.keys()):
        ours, theirs = found.get(place), expected.get(place)
        if ours == theirs:
            continue
        database, key = place
        if ours is None or theirs is None:
            side = "the shards" if theirs is None else "the one server"
            return f"key {key!r} of database {database} is only on {side}: {_text(ours or theirs)}"
        if ours[:2] == theirs[:2] and min(ours[2], theirs[2]) > 0 and abs(ours[2] - theirs[2]) <= NEAR:
            continue
        return f"key {key!r} of database {database}: shards {_text(ours)}, one server {_text(theirs)}"
    return None


def missing_in_scan(keyway_path: str, one: Connection) -> str | None:
    """What a whole SCAN through Keyway does not give, or gives in excess; its error as it is."""
    keyway = Connection(keyway_path)
    try:
        return _missing_in_scan(keyway, one)
    finally:
        keyway.close()


def _missing_in_scan(keyway: Connection, one: Connection) -> str | None:
    for database in used_databases(one):
        one.command("SELECT", database)
        expected = set(one.command("KEYS", "*"))
        reply = keyway.command("SELECT", database)
        if is_error(reply):
            return show(reply)
        seen, cursor = set(), b"0"
        for _ in range(10 * len(expected) + 100):
            reply = keyway.command("SCAN", cursor, "COUNT", 7)
            if is_error(reply):
                return show(reply)
            cursor = reply[0]
            seen.update(reply[1])
            if cursor == b"0":
                break
        one.command("SELECT", 0)
        if cursor != b"0":
            return f"SCAN of database {database} does not come to an end"
        if seen != expected:
            return f"SCAN of database {database}: without {expected - seen}, in excess {seen - expected}"
    return None


def _text(value: Value) -> str:
    return f"{value[0].decode()} {str(value[1])[:300]} expiry {value[2]}"
