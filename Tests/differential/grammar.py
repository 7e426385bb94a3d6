"""The grammar of every command, as the server itself tells it in COMMAND DOCS: each command becomes a function that
appends random arguments to a list. Nothing here knows a command by name; what docs cannot say (how many WEIGHTS) is
found by the arguments' own names, and the few rest stands in `AMENDS`."""

from collections.abc import Callable
from dataclasses import dataclass, field

from . import vocabulary
from .resp import Connection, Tree
from .vocabulary import Vocabulary

Emit = Callable[[list], None]

COUNTS = {"numkeys", "numfields", "num-vertices"}


@dataclass
class Command:
    """One command or subcommand; `name` is `config|get` for CONFIG GET."""

    name: str
    group: str
    words: list[bytes]
    emit: Emit
    tips: set[str] = field(default_factory=set)
    arity: int = 0


class Grammar:
    """All commands of one server."""

    def __init__(self, connection: Connection, words: Vocabulary):
        self.words = words
        self.last_count = 1
        self.commands: dict[str, Command] = {}
        for name, doc in _pairs(connection.command("COMMAND", "DOCS")):
            self._add(name.decode(), [name], _map(doc))
        for row in connection.command("COMMAND"):
            self._facts(row)
        self.containers = {name.split("|")[0] + "|" for name in self.commands if "|" in name}

    def _add(self, name: str, words: list[bytes], doc: dict) -> None:
        emit = self._sequence(name, doc.get("arguments", []))
        self.commands[name] = Command(name, doc["group"].decode(), words, emit)
        for subname, subdoc in _pairs(doc.get("subcommands", [])):
            self._add(subname.decode(), subname.split(b"|"), _map(subdoc))

    def _facts(self, row: list) -> None:
        if (command := self.commands.get(row[0].decode())) is not None:
            command.arity = row[1]
            command.tips = {tip.decode() for tip in _items(row[7])}
        for subrow in _items(row[9]):
            self._facts(subrow)

    def draw(self, command: Command) -> list[bytes]:
        out = list(command.words)
        command.emit(out)
        amend = AMENDS.get(command.name)
        if amend is not None:
            amend(self.words, out)
        return out

    # How arguments are made; each method gives a function for one argument of the docs.

    def _sequence(self, command: str, arguments: list) -> Emit:
        docs = [_map(argument) for argument in arguments]
        optional_count = sum(b"optional" in _items(doc.get("flags", [])) for doc in docs)
        chance = min(0.35, 2.5 / max(1, optional_count))
        parts: list[Emit] = []
        index = 0
        while index < len(docs):
            doc = docs[index]
            follower = docs[index + 1] if index + 1 < len(docs) else None
            name = doc["name"].decode()
            if name in COUNTS and follower is not None:
                parts.append(self._counted(command, name, follower))
                index += 2
            elif follower is not None and _is_multiple(doc) and _is_multiple(follower) and name == "key":
                parts.append(self._paired(command, doc, follower))
                index += 2
            else:
                parts.append(self._argument(command, doc, chance))
                index += 1
        if len(parts) == 1:
            return parts[0]

        def emit(out: list) -> None:
            for part in parts:
                part(out)

        return emit

    def _counted(self, command: str, name: str, follower: dict) -> Emit:
        """A number, and so many of the argument behind it."""
        one = self._once(command, follower)
        random = self.words.random
        lowest = 3 if name == "num-vertices" else 0 if b"optional" in _items(follower.get("flags", [])) else 1

        def emit(out: list) -> None:
            count = self.last_count = lowest + min(4, int(random.expovariate(0.8)))
            wrong = random.random() < 0.02
            out.append(self.words.pick([b"0", b"-1", b"9", b"x"]) if wrong else b"%d" % count)
            for _ in range(count):
                one(out)

        return emit

    def _paired(self, command: str, first: dict, second: dict) -> Emit:
        """As many of the second as of the first: STREAMS key ... id ..."""
        one, other = self._once(command, first), self._once(command, second)

        def emit(out: list) -> None:
            count = 1 + min(3, int(self.words.random.expovariate(1.2)))
            for _ in range(count):
                one(out)
            for _ in range(count):
                other(out)

        return emit

    def _argument(self, command: str, doc: dict, chance: float) -> Emit:
        flags = _items(doc.get("flags", []))
        emit = self._multiple(command, doc) if b"multiple" in flags else self._once(command, doc)
        if b"optional" not in flags:
            return emit
        random = self.words.random

        def maybe(out: list) -> None:
            if random.random() < chance:
                emit(out)

        return maybe

    def _multiple(self, command: str, doc: dict) -> Emit:
        token = doc.get("token")
        again = token is not None and b"multiple_token" in _items(doc.get("flags", []))
        one = self._once(command, doc if again else {**doc, "token": None})
        as_before = doc["name"] == b"weight"
        random = self.words.random

        def emit(out: list) -> None:
            if token is not None and not again:
                out.append(token)
            count = 1 + min(4, int(random.expovariate(1.0)))
            if as_before and random.random() < 0.95:
                count = self.last_count
            for _ in range(count):
                one(out)

        return emit

    def _once(self, command: str, doc: dict) -> Emit:
        """The token, if there is one, and one value."""
        kind = doc["type"].decode()
        token = doc.get("token")
        words = self.words
        if kind == "pure-token":
            value: Emit = lambda out: None
        elif kind == "oneof":
            choices = [self._argument(command, _map(choice), 1) for choice in doc["arguments"]]
            value = lambda out: words.pick(choices)(out)
        elif kind == "block":
            value = self._sequence(command, doc["arguments"])
        elif kind == "key":
            value = lambda out: out.append(words.key())
        else:
            name = doc["name"].decode()
            value = lambda out: out.append(words.value(command, name, kind))
        if token is None:
            return value

        def emit(out: list) -> None:
            out.append(token)
            value(out)

        return emit


def _amend_range(key: int) -> Callable[[Vocabulary, list], None]:
    """What BYSCORE or BYLEX says of the two limits behind the key at `key`; BYLEX takes keys of one score."""

    def amend(words: Vocabulary, out: list) -> None:
        if b"BYLEX" in out:
            out[key : key + 3] = [words.key("lex"), words.pick(vocabulary.LEX), words.pick(vocabulary.LEX)]
        elif b"BYSCORE" in out and words.random.random() < 0.95:
            out[key + 1 : key + 3] = [words.pick(vocabulary.BOUNDS), words.pick(vocabulary.BOUNDS)]

    return amend


def _amend_zadd(words: Vocabulary, out: list) -> None:
    """Now and then members of one score."""
    if words.random.random() < 0.2:
        members = [words.value("zadd", "member", "string") for _ in range(3)]
        out[1:] = [words.key("lex"), *[word for member in members for word in (b"0", member)]]


def _amend_command_word(words: Vocabulary, out: list) -> None:
    """COMMAND GETKEYS of something that has keys."""
    out[2:] = words.pick([
        [b"get", b"k"], [b"mset", b"a", b"1", b"b", b"2"], [b"eval", b"return 1", b"2", b"a", b"b"], [b"get"],
        [b"nosuch", b"x"], [b"ping"], [b"sort", b"a", b"by", b"x", b"store", b"d"], [b"zunionstore", b"d", b"1", b"s"],
        [b"xread", b"count", b"1", b"streams", b"a", b"b", b"0", b"0"], [b"eval", b"return 1", b"9", b"a"],
    ])


AMENDS = {
    "zrange": _amend_range(1), "zrangestore": _amend_range(2), "zadd": _amend_zadd,
    "command|getkeys": _amend_command_word, "command|getkeysandflags": _amend_command_word,
}


def _is_multiple(doc: dict) -> bool:
    return b"multiple" in _items(doc.get("flags", []))


def _items(tree: Tree) -> list:
    """The elements of an array, a set or a map, in any protocol; words of status replies as bytes."""
    items = tree if isinstance(tree, list) else tree[1]
    return [item[1] if isinstance(item, tuple) and item[0] == "+" else item for item in items]


def _pairs(tree: Tree) -> list[tuple]:
    items = _items(tree)
    return list(zip(items[::2], items[1::2], strict=True))


def _map(tree: Tree) -> dict:
    return {key.decode(): value for key, value in _pairs(tree)}
