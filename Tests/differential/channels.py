"""Pub/sub on both sides: subscriptions in both protocols, and messages to them.

A connection's replies and confirmations must be equal one by one; its messages per channel, because a proxy hears
different channels from different shards. Behind each command a PING is answered before the next command of anybody is
sent, so that every subscription stands when a message goes out.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

from .resp import Connection, Stuck, Tree, encode, is_error, is_push

CONNECTION_COUNT = 4
CHANNELS = [b"news", b"a", b"b", b"{a}x", b""]
PATTERNS = [b"*", b"n*", b"?", b"{a}*", b"[ab]"]
MESSAGE_KINDS = (b"message", b"pmessage", b"smessage")

Step = tuple[int, list[bytes]]


def steps_of(seed: str, count: int = 60) -> list[Step]:
    """Random commands; the payloads of messages are unique."""
    source = random.Random(seed)
    pick = source.choice
    steps: list[Step] = []
    for number in range(count):
        connection = source.randrange(CONNECTION_COUNT)
        draw = source.random()
        if draw < 0.35:
            words = [pick([b"PUBLISH", b"PUBLISH", b"SPUBLISH"]), pick(CHANNELS), b"m%d" % number]
        elif draw < 0.65:
            kind = pick([b"SUBSCRIBE", b"PSUBSCRIBE", b"SSUBSCRIBE"])
            known = PATTERNS if kind == b"PSUBSCRIBE" else CHANNELS
            words = [kind, *[pick(known) for _ in range(source.randrange(1, 4))]]
            if kind == b"SSUBSCRIBE":
                words = words[:2]
        elif draw < 0.8:
            kind = pick([b"UNSUBSCRIBE", b"PUNSUBSCRIBE", b"SUNSUBSCRIBE"])
            known = PATTERNS if kind == b"PUNSUBSCRIBE" else CHANNELS
            words = [kind, *[pick(known) for _ in range(source.randrange(0, 2))]]
        else:
            words = pick([
                [b"PUBSUB", b"NUMSUB", b"news", b"a"], [b"PUBSUB", b"NUMPAT"], [b"PUBSUB", b"SHARDNUMSUB", b"a"],
                [b"HELLO", b"3"], [b"HELLO", b"2"], [b"RESET"], [b"SUBSCRIBE"], [b"GET", b"k"], [b"PING"],
                [b"PUBLISH", b"a"],
            ])
        steps.append((connection, words))
    return steps


def _without_names(tree: Tree) -> Tree:
    """A reply as it is; of HELLO's, which names one process, only the protocol."""
    items = tree[-1] if isinstance(tree, tuple) else tree
    if isinstance(items, list) and items[:1] == [b"server"]:
        return ("hello", type(tree).__name__, items[items.index(b"proto") + 1])
    return tree


def _agree(ours: list[Tree], theirs: list[Tree]) -> bool:
    """Valkey 8.0 refuses to end subscriptions of a client that has none, as no version before or after it does."""
    return len(ours) == len(theirs) and all(
        one == other or is_error(other) and other[1].startswith(b"NOSUB") and (one[1] if is_push(one) else one)[-1] == 0
        for one, other in zip(ours, theirs, strict=True))


@dataclass
class Heard:
    """What one connection got."""

    replies: list[Tree] = field(default_factory=list)
    messages: dict[tuple, list[Tree]] = field(default_factory=lambda: defaultdict(list))
    message_count: int = 0

    def add(self, tree: Tree) -> None:
        items = tree[1] if is_push(tree) else tree
        if isinstance(items, list) and items and items[0] in MESSAGE_KINDS:
            self.messages[items[0], items[1], items[-2]].append(tree)
            self.message_count += 1
        else:
            self.replies.append(_without_names(tree))


class Listener:
    """The connections of one side."""

    def __init__(self, path: str):
        self.connections = [Connection(path, 3) for _ in range(CONNECTION_COUNT)]
        self.heard = [Heard() for _ in range(CONNECTION_COUNT)]
        self.nonce = 0

    def play(self, number: int, words: list[bytes]) -> None:
        self.connections[number].send(encode(words))
        replies = self.heard[number].replies
        before = len(replies)
        self.settle(number)
        if len(words) == 1 and words[0].endswith(b"UNSUBSCRIBE"):
            # Of all channels, in the order of a hash table: only which ones, and that the counts go down.
            items = [tree[1] if is_push(tree) else tree for tree in replies[before:]]
            if all(isinstance(item, list) and len(item) == 3 for item in items):
                names = sorted(repr(item[1]) for item in items)
                replies[before:] = [(type(replies[-1]).__name__, items[0][0], *names, *[item[2] for item in items])]

    def settle(self, number: int) -> None:
        """Reads all that comes before the answer to a PING of its own."""
        self.nonce += 1
        nonce = b"nonce-%d" % self.nonce
        connection = self.connections[number]
        connection.send(encode([b"PING", nonce]))
        while True:
            tree = connection.reply()
            items = tree[1] if is_push(tree) else tree
            if tree == nonce or items == [b"pong", nonce]:
                return
            self.heard[number].add(tree)

    def wait_for(self, number: int, message_count: int) -> None:
        """Messages that are still on their way."""
        try:
            while self.heard[number].message_count < message_count:
                self.heard[number].add(self.connections[number].reply())
        except Stuck:
            pass

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def difference(keyway_path: str, server_path: str, steps: list[Step]) -> tuple[str, Tree, Tree] | None:
    """What differs, in words, and what each side got; None when nothing does."""
    ours, theirs = Listener(keyway_path), Listener(server_path)
    try:
        for number, words in steps:
            theirs.play(number, words)
            ours.play(number, words)
            if not _agree(ours.heard[number].replies, theirs.heard[number].replies):
                return ("replies", ours.heard[number].replies[-3:],
                        theirs.heard[number].replies[-3:])
        for number in range(CONNECTION_COUNT):
            theirs.settle(number)
            ours.wait_for(number, theirs.heard[number].message_count)
            ours.settle(number)
            one, other = ours.heard[number].messages, theirs.heard[number].messages
            for place in sorted(one.keys() | other.keys()):
                if one.get(place, []) != other.get(place, []):
                    return "messages", one.get(place, []), other.get(place, [])
        return None
    finally:
        ours.close()
        theirs.close()
