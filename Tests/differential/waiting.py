"""Blocking commands that really wait, on both sides, and what wakes them.

A connection that waits is left alone until it is answered. Whether it waits is not guessed: the servers say how many
of their clients are blocked. So the order in which clients wait is the same on both sides, and who is served first too.
"""

import random
import select
import time
from dataclasses import dataclass, field

from .resp import Closed, Connection, Stuck, Tree, encode

CONNECTION_COUNT = 6
LIMIT_S = 3.0

Step = tuple[int, list[bytes]]
# In place of a client's number, which each side gives itself: the number of the connection.
CLIENT = b"client-id-of-%d"


def steps_of(seed: str, count: int = 40) -> list[Step]:
    source = random.Random(seed)
    pick = source.choice
    steps: list[Step] = []
    for number in range(count):
        tag = pick([b"{a}", b"{b}"])
        lists, sorted_sets = [tag + b"list1", tag + b"list2"], [tag + b"zset1", tag + b"zset2"]
        stream = tag + b"stream"
        if source.random() < 0.45:
            words = pick([
                [b"BLPOP", *lists, b"0"], [b"BRPOP", lists[0], b"0"], [b"BLMOVE", *lists, b"LEFT", b"RIGHT", b"0"],
                [b"BRPOPLPUSH", *lists, b"0"], [b"BLMPOP", b"0", b"2", *lists, b"LEFT", b"COUNT", b"2"],
                [b"BZPOPMIN", *sorted_sets, b"0"], [b"BZPOPMAX", sorted_sets[0], b"0"],
                [b"BZMPOP", b"0", b"1", sorted_sets[1], b"MIN"], [b"XREAD", b"BLOCK", b"0", b"STREAMS", stream, b"$"],
                [b"XREADGROUP", b"GROUP", b"g", b"c", b"BLOCK", b"0", b"STREAMS", stream, b">"],
            ])
        else:
            words = pick([
                [b"RPUSH", pick(lists), b"v%d" % number], [b"LPUSH", pick(lists), b"v%d" % number, b"w%d" % number],
                [b"ZADD", pick(sorted_sets), b"1", b"m%d" % number],
                [b"XADD", stream, b"%d-1" % (number + 1), b"f", b"v"],
                [b"XGROUP", b"CREATE", stream, b"g", b"$", b"MKSTREAM"], [b"DEL", pick([*lists, *sorted_sets, stream])],
                [b"SET", pick(lists), b"string"], [b"LPOP", pick(lists)], [b"PING"], [b"HELLO", pick([b"2", b"3"])],
                [b"CLIENT", b"UNBLOCK", CLIENT % source.randrange(CONNECTION_COUNT), pick([b"TIMEOUT", b"ERROR"])],
            ])
        steps.append((source.randrange(CONNECTION_COUNT), words))
    return steps


@dataclass
class Side:
    """The connections of one side, and direct ones to its servers."""

    connections: list[Connection]
    servers: list[Connection]
    ids: list[bytes] = field(default_factory=list)

    @classmethod
    def open(cls, path: str, server_paths: list[str]) -> "Side":
        side = cls([Connection(path, LIMIT_S) for _ in range(CONNECTION_COUNT)], [Connection(p) for p in server_paths])
        side.ids = [b"%d" % connection.command("CLIENT", "ID") for connection in side.connections]
        return side

    def send(self, number: int, words: list[bytes]) -> None:
        known = {CLIENT % other: client_id for other, client_id in enumerate(self.ids)}
        self.connections[number].send(encode([known.get(word, word) for word in words]))

    def blocked_count(self) -> int:
        total = 0
        for server in self.servers:
            text = server.command("INFO", "clients")
            total += int(text.split(b"blocked_clients:")[1].split()[0])
        return total

    def has_reply(self, number: int) -> bool:
        return bool(select.select([self.connections[number].socket], [], [], 0)[0])

    def settle(self, number: int, waiting: set[int]) -> bool:
        """Waits until a command of this connection is answered or blocked; true when it is answered."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if self.has_reply(number):
                return True
            if self.blocked_count() > len(waiting):
                return False
        raise Stuck

    def close(self) -> None:
        for connection in [*self.connections, *self.servers]:
            connection.close()


def difference(
    keyway_path: str, shard_paths: list[str], server_path: str, steps: list[Step]
) -> tuple[str, Tree, Tree] | None:
    """What differs, in words, and what each side got; None when nothing does."""
    ours, theirs = Side.open(keyway_path, shard_paths), Side.open(server_path, [server_path])
    try:
        for server in [*ours.servers, *theirs.servers]:
            server.command("FLUSHALL")
        waiting: set[int] = set()
        for number, words in steps:
            if number in waiting:
                continue
            found = _play(ours, theirs, number, words, waiting)
            if found is not None:
                return found
        return None
    finally:
        ours.close()
        theirs.close()


def _play(ours: Side, theirs: Side, number: int, words: list[bytes],
          waiting: set[int]) -> tuple[str, Tree, Tree] | None:
    """One command on both sides, and the replies of those that it wakes."""
    theirs.send(number, words)
    is_answered = theirs.settle(number, waiting)
    ours.send(number, words)
    try:
        if ours.settle(number, waiting) != is_answered:
            return "waits" if is_answered else "does not wait", words, b""
        if not is_answered:
            waiting.add(number)
            return None
        woken = _woken(theirs, waiting)
        for one in [number, *woken]:
            waiting.discard(one)
            reply, other = ours.connections[one].reply(), theirs.connections[one].reply()
            if reply != other and words[0] != b"HELLO":
                return "replies", reply, other
        _until(lambda: ours.blocked_count() == len(waiting))
    except Stuck:
        return "no reply", words, b""
    except Closed:
        return "closed", words, b""
    return None


def _woken(theirs: Side, waiting: set[int]) -> list[int]:
    """The connections that the last command woke."""
    count = len(waiting) - theirs.blocked_count()
    found: list[int] = []

    def all_have_replies() -> bool:
        found[:] = [number for number in sorted(waiting) if theirs.has_reply(number)]
        return len(found) == count

    _until(all_have_replies)
    return found


def _until(condition) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            raise Stuck
