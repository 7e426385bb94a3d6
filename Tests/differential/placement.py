"""Which shard a key belongs to, computed apart from Keyway: `hash: md5`, `distribution: modula`, `hash_tag: "{}"`,
four servers of equal weight."""

import hashlib

SHARD_COUNT = 4


def shard_of(key: bytes) -> int:
    first = key.find(b"{")
    if first >= 0:
        last = key.find(b"}", first + 1)
        if last > first + 1:
            key = key[first + 1 : last]
    return int.from_bytes(hashlib.md5(key).digest()[:4], "little") % SHARD_COUNT
