"""Random commands over several client connections. A chapter is a pure function of the seed, its number, and what the
server says of its commands; so one chapter is repeated alone.

A batch is what one connection sends at once. The commands that leave different data on two servers by nature (SPOP, an
id of the clock) are followed by a DEL of the key.
"""

import random
from collections import Counter
from dataclasses import dataclass

from . import rules
from .grammar import Command, Grammar
from .resp import Connection
from .vocabulary import LIBRARIES, SCRIPTS, TAGS, TYPES, Vocabulary

CONNECTION_COUNT = 6


@dataclass
class Batch:
    connection: int
    commands: list[list[bytes]]


class Stream:
    def __init__(self, server: Connection, seed: int, left_out: set[str], only: set[str] | None = None):
        self.seed = seed
        self.random = random.Random()
        self.words = Vocabulary(self.random, _payloads(server))
        self.grammar = Grammar(server, self.words)
        self.left_out = set(left_out)
        self.only = only
        self.choices: list[Command] = []
        self.drawn: Counter[str] = Counter()
        self.transaction_left = [0] * CONNECTION_COUNT
        self.weigh()

    def weigh(self) -> None:
        """Makes the table that commands are drawn from."""
        self.choices = []
        parents = {name.split("|")[0] for name in self.grammar.commands if "|" in name}
        for name, command in self.grammar.commands.items():
            if name in self.left_out or (self.only and not self.only & {name, name.split("|")[0], command.group}):
                continue
            weight = rules.WEIGHTS.get(name, 1.0)
            if name not in rules.WEIGHTS and (
                command.group in rules.ADMINISTRATIVE_GROUPS or name in parents or name in rules.REFUSED
            ):
                weight = rules.ADMINISTRATIVE_WEIGHT
            self.choices += [command] * max(1, round(weight * 100))

    def chapter(self, number: int, count: int) -> list[Batch]:
        self.random.seed(f"{self.seed}/{number}")
        self.words.stream_clock = 10
        self.transaction_left = [0] * CONNECTION_COUNT
        batches = self._beginning()
        total = sum(len(batch.commands) for batch in batches)
        while total < count:
            connection = int(self.random.random() * CONNECTION_COUNT)
            size = 1 + min(150, int(self.random.expovariate(1 / 25)))
            commands: list[list[bytes]] = []
            while len(commands) < size:
                commands += self._next(connection)
            batches.append(Batch(connection, commands))
            total += len(commands)
        return batches

    def _beginning(self) -> list[Batch]:
        """Data of every type under most keys, and some connections in RESP3."""
        batches = [Batch(i, [[b"HELLO", b"3"]]) for i in range(CONNECTION_COUNT) if self.random.random() < 0.5]
        fills = []
        for tag in [b"", *TAGS]:
            for number in range(3):
                fills += self._fill(tag, number)
        fills += [[b"FUNCTION", b"LOAD", b"REPLACE", library] for library in LIBRARIES[:2]]
        fills += [[b"SCRIPT", b"LOAD", script] for script in SCRIPTS]
        batches += [Batch(0, fills[start : start + 60]) for start in range(0, len(fills), 60)]
        return batches

    def _fill(self, tag: bytes, number: int) -> list[list[bytes]]:
        def key(kind: str) -> bytes:
            return b"%b%b:%d" % (tag, kind.encode(), number)

        def some(kind: str) -> list[bytes]:
            return [self.words.value("", "member", "string") for _ in range(1 + int(self.random.random() * 5))]

        def scored() -> list[bytes]:
            return [word for member in some("zset") for word in (self.words.pick([b"1", b"2", b"2.5"]), member)]

        fills = [
            [b"SET", key("string"), self.words.value("", "value", "string")],
            [b"SET", key("counter"), b"%d" % int(self.random.random() * 100)],
            [b"SETBIT", key("bitmap"), b"%d" % int(self.random.random() * 90), b"1"],
            [b"HSET", key("hash"), *[word for field in some("hash") for word in (field, b"1")]],
            [b"RPUSH", key("list"), *some("list")],
            [b"SADD", key("set"), *some("set")],
            [b"ZADD", key("zset"), *scored()],
            [b"ZADD", key("lex"), *[word for member in some("lex") for word in (b"0", member)]],
            [b"GEOADD", key("geo"), b"13.361389", b"38.115556", b"a", b"15.087269", b"37.502669", b"b"],
            [b"XADD", key("stream"), b"1-1", b"a", b"1"], [b"XADD", key("stream"), b"2-1", b"a", b"2", b"b", b"3"],
            [b"XGROUP", b"CREATE", key("stream"), b"g1", b"0"],
            [b"PFADD", key("hll"), *some("hll")],
        ]
        assert len(TYPES) == 10, "a new type wants data"
        return [fill for fill in fills if self.random.random() < 0.8]

    def _next(self, connection: int) -> list[list[bytes]]:
        """One command, with what has to stand beside it; or the next part of a transaction."""
        if self.transaction_left[connection] > 0:
            self.transaction_left[connection] -= 1
            if self.transaction_left[connection] == 0:
                return [[self.words.pick([b"EXEC", b"EXEC", b"EXEC", b"EXEC", b"DISCARD"])]]
            return self._one(same_tag_share=0.97, in_transaction=True)
        if self.random.random() < 0.01 and "multi" not in self.left_out and self.only is None:
            self.transaction_left[connection] = 2 + int(self.random.random() * 8)
            watch = self.random.random()
            first = [[b"WATCH", self.words.key()]] if watch < 0.3 else []
            return [*first, [b"MULTI"]]
        if self.random.random() < 0.002 and self.only is None:
            return self._silence()
        return self._one(same_tag_share=0.7)

    def _silence(self) -> list[list[bytes]]:
        """Commands of one key whose replies the client does not want."""
        some = [[b"SET", self.words.key("string"), b"silent"] for _ in range(1 + int(self.random.random() * 3))]
        if self.random.random() < 0.5:
            # A reply behind it tells when it is executed, before another connection asks for the same key.
            return [[b"CLIENT", b"REPLY", b"SKIP"], some[0], [b"PING"]]
        return [[b"CLIENT", b"REPLY", b"OFF"], *some, [b"CLIENT", b"REPLY", b"ON"]]

    def _one(self, same_tag_share: float, in_transaction: bool = False) -> list[list[bytes]]:
        command = self.words.pick(self.choices)
        if command.name == "multi" and not in_transaction:
            # A transaction is drawn as a whole.
            return []
        self.words.begin(command.name, command.group, same_tag_share)
        words = self.grammar.draw(command)
        changed = self.random.random() < 0.06
        if changed:
            self._mutate(words)
        if self.random.random() < 0.1:
            words[0] = self._other_case(words[0])
        name = words[0].decode("latin-1").lower()
        if not _is_safe(name, words, command, changed):
            return []
        self.drawn[command.name] += 1
        return [words, *_repairs(name, words)]

    def _mutate(self, words: list[bytes]) -> None:
        draw = int(self.random.random() * 9)
        place = int(self.random.random() * len(words))
        if draw == 0 and len(words) > 1:
            words.pop(place or 1)
        elif draw == 1:
            words.insert(place, words[place])
        elif draw == 2 and len(words) > 2:
            other = 1 + int(self.random.random() * (len(words) - 1))
            place = place or 1
            words[place], words[other] = words[other], words[place]
        elif draw == 3:
            words.append(self.words.value("", "x", self.words.pick(["string", "integer", "double"])))
        elif draw == 4 and len(words) > 1:
            words[place or 1] = self.words.value("", "x", self.words.pick(["string", "integer", "pattern"]))
        elif draw == 5:
            del words[1:]
        elif draw == 6 and len(words) > 1:
            words[place] = self._other_case(words[place])
        elif draw == 7 and self.random.random() < 0.3:
            words[0] = self.words.pick([b"NOSUCH", b"", b"GETT", b"keyway-nosuch", b"\xff\r\n", words[0] + b"X"])
        elif draw == 8 and len(words) > 1:
            words[place or 1] = self.words.key()

    def _other_case(self, word: bytes) -> bytes:
        return self.words.pick([word.upper(), word.lower(), word.title()])


def _is_safe(name: str, words: list[bytes], command: Command, changed: bool) -> bool:
    """Whether a command leaves both sides, and the judge, as they have to be. Amends timeouts."""
    if name in rules.EXCLUDED or (changed and name in ("auth", "hello")):
        return False
    if len(words) > 1:
        container = f"{name}|{words[1].decode('latin-1').lower()}"
        if container in rules.EXCLUDED or (changed and name == "config"):
            return False
        if changed and name in ("client", "acl", "module", "cluster"):
            return container == command.name
    if name in rules.TIMEOUT_PLACES:
        place = rules.TIMEOUT_PLACES[name]
        if len(words) > abs(place) and _is_number(words[place]):
            words[place] = b"0.01"
    elif name in ("wait", "waitaof") and len(words) > 1:
        if _is_number(words[-1]):
            words[-1] = b"1"
    elif name in ("xread", "xreadgroup"):
        for place in range(len(words) - 1):
            if words[place].lower() == b"block" and _is_number(words[place + 1]):
                words[place + 1] = b"2"
    if changed and any(b"lex:" in word or word.upper() == b"BYLEX" for word in words):
        # Sets of one score stay so, and only they are read by names.
        return False
    if changed and name in rules.EXPIRING:
        return not any(word.isdigit() and 0 < int(word) < 1_000_000_000 for word in words[1:])
    # A number in a place that the mutation made one: hundreds of millions of bytes or members.
    return not (changed and any(word.isdigit() and 10_000 < int(word) < 1 << 61 for word in words[1:]))


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _repairs(name: str, words: list[bytes]) -> list[list[bytes]]:
    """What makes data equal again where commands leave it different by nature."""
    if len(words) < 2:
        return []
    if name == "spop":
        return [[b"DEL", words[1]]]
    if name == "xadd" and any(word == b"*" or word.endswith(b"-*") for word in words[2:]):
        return [[b"DEL", words[1]]]
    if name == "sort":
        lower = [word.lower() for word in words]
        if (b"by" in lower or b"alpha" in lower) and b"store" in lower[:-1]:
            return [[b"DEL", words[lower.index(b"store") + 1]]]
    return []


def _payloads(server: Connection) -> list[bytes]:
    """What DUMP gives for a value of each kind, and what is no dump."""
    server.pipeline([
        (b"SET", b"1", b"value"), (b"RPUSH", b"2", b"a", b"b"), (b"SADD", b"3", b"a", b"b"),
        (b"HSET", b"4", b"a", b"1"), (b"ZADD", b"5", b"1", b"a"), (b"XADD", b"6", b"1-1", b"a", b"1"),
        (b"SET", b"7", b"12"),
    ])
    dumps = server.pipeline([(b"DUMP", b"%d" % number) for number in range(1, 8)])
    server.command("FLUSHALL")
    server.command("FUNCTION", "LOAD", LIBRARIES[0])
    functions = server.command("FUNCTION", "DUMP")
    server.command("FUNCTION", "FLUSH")
    return [*dumps, functions, b"", b"x", dumps[0][:-1] + b"\x00"]
