"""Plays batches on both sides and pairs the replies.

Keyway goes first. What it refuses with good reason is not sent to the one server, so that the data of both sides stay
equal; inside a transaction an unknown command stands in, which aborts it there as well. While the one server works at a
batch, Keyway works at the next.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from . import contents, rules
from .compare import equal
from .fleet import Fleet
from .grammar import Grammar
from .placement import shard_of
from .resp import Closed, Connection, Malformed, Stuck, Tree, encode, is_error, show
from .stream import CONNECTION_COUNT, Batch
from .verdicts import Verdicts


@dataclass
class Difference:
    """`kind`: reply, refusal, not supported, contents, stuck, closed."""

    kind: str
    name: str
    words: list[bytes]
    ours: Tree
    theirs: Tree
    note: str = ""
    # How many commands of the chapter were sent up to and with this one.
    position: int = 0

    @property
    def signature(self) -> tuple[str, str, str, str]:
        """What makes two differences the same one."""
        return (self.kind, self.name, _kind_of(self.ours), _kind_of(self.theirs))

    @property
    def is_harmless(self) -> bool:
        """Whether data and connections are as equal after it as before."""
        if self.kind in ("not supported", "refusal"):
            return True
        return self.kind == "reply" and is_error(self.ours) and is_error(self.theirs)


def is_refusal(reply: Tree) -> bool:
    """Whether it is an error with a code word of Keyway's for what it will not do."""
    return is_error(reply) and reply[1].split(b" ", 1)[0] in (b"CROSSSLOT", b"NOTSUPPORTED")


def _kind_of(tree: Tree) -> str:
    """The code word of an error, else the kind of reply."""
    if is_error(tree):
        words = tree[1].decode("latin-1").split()
        return "error " + " ".join(words[:4] if words[:1] == ["ERR"] else words[:1])
    if isinstance(tree, tuple):
        return tree[0]
    return type(tree).__name__


@dataclass
class Client:
    """One client of each side, and what the judge has to know of it."""

    ours: Connection
    theirs: Connection
    in_transaction: bool = False
    queued: list[list[bytes]] = field(default_factory=list)
    watched: list[list[bytes]] = field(default_factory=list)
    # What CLIENT REPLY asked for: nothing more (b"off"), nothing for the next command (b"skip"), or replies.
    silence: bytes = b""

    def is_silent(self, words: list[bytes]) -> bool:
        """Whether a command has no reply; to be asked once for each, in order."""
        if len(words) == 3 and words[0].lower() == b"client" and words[1].lower() == b"reply":
            mode = words[2].lower()
            if mode in (b"on", b"off", b"skip"):
                self.silence = b"" if mode == b"on" else self.silence if self.silence == b"off" else mode
                return mode != b"on"
        was = self.silence
        if was == b"skip":
            self.silence = b""
        return was != b""

    def end_transaction(self) -> None:
        self.in_transaction = False
        self.queued = []
        self.watched = []


@dataclass
class Sent:
    """A batch whose replies of Keyway are here, and those of the one server not yet."""

    client: Client
    batch: Batch
    replies: list[Tree]
    # True where something else was sent to the one server.
    replaced: list[bool]
    # At an EXEC, the commands that it runs.
    transactions: dict[int, list[list[bytes]]]
    position: int


class Runner:
    def __init__(self, fleet: Fleet, grammar: Grammar, verdicts: Verdicts):
        self.fleet = fleet
        self.grammar = grammar
        self.verdicts = verdicts
        self.shards = [Connection(path) for path in fleet.shard_paths]
        self.one = Connection(fleet.server_path)
        self.counts: Counter[str] = Counter()
        self.timeout_s = 20.0

    def play(self, batches: list[Batch], stops: Callable[[Difference], bool]) -> None:
        """Runs a chapter from empty servers; `stops` hears each difference and says whether to end there."""
        self._clean()
        paths = self.fleet.keyway_path, self.fleet.server_path
        clients = [
            Client(*[Connection(path, self.timeout_s) for path in paths]) for _ in range(CONNECTION_COUNT)]
        try:
            if self._play(clients, batches, stops):
                return
            total = sum(len(batch.commands) for batch in batches)
            found = contents.difference(self.shards, self.one)
            if found is not None:
                stops(Difference("contents", "contents", [], b"", b"", found, total))
                return
            found = contents.missing_in_scan(self.fleet.keyway_path, self.one)
            is_missing = any(self.verdicts.is_not_yet(name, found or "") for name in ("scan", "select"))
            if found is not None and not is_missing:
                stops(Difference("contents", "scan", [], b"", b"", found, total))
        finally:
            for client in clients:
                client.ours.close()
                client.theirs.close()

    def _clean(self) -> None:
        for connection in [*self.shards, self.one]:
            connection.pipeline([("FLUSHALL",), ("FUNCTION", "FLUSH")])

    def _play(self, clients: list[Client], batches: list[Batch], stops: Callable[[Difference], bool]) -> bool:
        waiting: Sent | None = None
        position = 0
        for batch in batches:
            client = clients[batch.connection]
            replies: list[Tree] = []
            try:
                client.ours.send(b"".join(map(encode, batch.commands)))
                if waiting is not None and self._judge(waiting, stops):
                    return True
                waiting = None
                for words in batch.commands:
                    replies.append(None if client.is_silent(words) else client.ours.reply())
            except (Stuck, Closed, Malformed) as problem:
                return self._lost(problem, batch, len(replies), position, stops)
            waiting, ended = self._pass_on(client, batch, replies, position, stops)
            if ended:
                return True
            position += len(batch.commands)
        return waiting is not None and self._judge(waiting, stops)

    def _lost(self, problem: Exception, batch: Batch, index: int, position: int,
              stops: Callable[[Difference], bool]) -> bool:
        words = batch.commands[min(index, len(batch.commands) - 1)]
        kind = "stuck" if isinstance(problem, Stuck) else "closed"
        note = self.fleet.keyway_ended() or f"{type(problem).__name__} {problem}"
        stops(Difference(kind, self.name_of(words), words, b"", b"", note, position + index + 1))
        return True

    def _pass_on(self, client: Client, batch: Batch, replies: list[Tree], position: int,
                 stops: Callable[[Difference], bool]) -> tuple[Sent, bool]:
        """Sends to the one server what Keyway did not refuse."""
        replaced = [False] * len(replies)
        transactions = {}
        requests = []
        for index, (words, reply) in enumerate(zip(batch.commands, replies, strict=True)):
            replacement = None
            name = self.name_of(words)
            if is_error(reply) or name in rules.REFUSED:
                difference, replacement = self._refusal(client, name, words, reply)
                if difference is not None:
                    difference.position = position + index + 1
                    if stops(difference):
                        return Sent(client, batch, replies, replaced, transactions, position), True
            replaced[index] = replacement is not None
            requests.append(encode(replacement or words))
            if name == "exec" and isinstance(reply, list):
                transactions[index] = client.queued
            self._follow(client, name, words, reply)
        client.theirs.send(b"".join(requests))
        return Sent(client, batch, replies, replaced, transactions, position), False

    def _follow(self, client: Client, name: str, words: list[bytes], reply: Tree) -> None:
        """Keeps what the judge knows of a client's transaction."""
        if reply == ("+", b"QUEUED") and client.in_transaction:
            client.queued.append(words)
        elif name == "multi" and reply == ("+", b"OK"):
            client.in_transaction = True
        elif name in ("exec", "discard") and (not is_error(reply) or reply[1].startswith(b"EXECABORT")):
            client.end_transaction()
        elif name == "exec" and is_refusal(reply) or name == "reset" and not is_error(reply):
            client.end_transaction()
        elif name == "watch" and reply == ("+", b"OK"):
            client.watched.append(words)
        elif name == "unwatch" and reply == ("+", b"OK"):
            client.watched = []

    def _refusal(self, client: Client, name: str, words: list[bytes],
                 reply: Tree) -> tuple[Difference | None, list[bytes] | None]:
        """Judges an error that only Keyway gives; and what the one server gets in place of the command."""
        instead = [b"PING"]
        if client.in_transaction:
            instead = [b"DISCARD"] if name == "exec" else [b"NOSUCHCOMMAND"]
        if name in rules.REFUSED:
            self.counts["refused"] += 1
            if is_error(reply):
                return None, instead
            return Difference("reply", name, words, reply, b"", "this command must be refused"), instead
        if self.verdicts.is_not_yet(name, show(reply)):
            self.counts["not yet"] += 1
            return None, instead
        if client.in_transaction and b" cannot be part of a transaction " in reply[1]:
            self.counts["refused"] += 1
            if rules.may_stay_out_of_transactions(name):
                return None, instead
            note = "a shard can execute this command as it is"
            return Difference("refusal", name, words, reply, b"", note), instead
        if client.watched and b" while keys are watched" in reply[1]:
            self.counts["refused"] += 1
            return None, instead
        code = reply[1].split(b" ", 1)[0]
        if code == b"CROSSSLOT":
            self.counts["across shards"] += 1
            if self._is_across_shards(client, words):
                return None, instead
            return Difference("refusal", name, words, reply, b"", "all keys are on one shard"), instead
        if code == b"NOTSUPPORTED" or code == b"NOPROTO" and words[1:2] in ([b"2"], [b"3"]):
            return Difference("not supported", name, words, reply, b""), instead
        return None, None

    def _is_across_shards(self, client: Client, words: list[bytes]) -> bool:
        commands = [words, *client.queued, *client.watched]
        found = self.one.pipeline([[b"COMMAND", b"GETKEYS", *command] for command in commands])
        shards = set()
        for command, keys in zip(commands, found, strict=True):
            # A server does not tell the keys of what it finds wrong: those with a hash tag, or else the first argument.
            tagged = [word for word in command[1:] if word.startswith(b"{")] or command[1:2]
            told = keys if isinstance(keys, list) else tagged
            shards |= {shard_of(key) for key in told}
        if words[0].lower() in (b"sort", b"sort_ro"):
            # Keys by pattern may be anywhere, unless a hash tag stands before the asterisk.
            patterns = [word for word in words[2:] if b"*" in word]
            if any(b"{" not in pattern[: pattern.index(b"*")] for pattern in patterns):
                return True
            shards |= {shard_of(pattern) for pattern in patterns}
        return len(shards) > 1

    def _judge(self, sent: Sent, stops: Callable[[Difference], bool]) -> bool:
        """Reads the replies of the one server and compares."""
        for index, words in enumerate(sent.batch.commands):
            if sent.replies[index] is None:
                continue
            try:
                theirs = sent.client.theirs.reply()
            except (Stuck, Closed) as problem:
                note = f"the one server, not Keyway: {type(problem).__name__}"
                stops(Difference("closed", self.name_of(words), words, sent.replies[index], b"", note,
                                 sent.position + index + 1))
                return True
            if sent.replaced[index]:
                continue
            ours = sent.replies[index]
            if ours == theirs:
                continue
            name = self.name_of(words)
            if index in sent.transactions and isinstance(theirs, list):
                if self._equal_transactions(sent.transactions[index], ours, theirs):
                    continue
            elif equal(self._rule(name), words, ours, theirs):
                continue
            difference = Difference("reply", name, words, ours, theirs, position=sent.position + index + 1)
            if self.verdicts.accepts(name, show(ours), show(theirs)):
                self.counts["accepted"] += 1
            elif self.verdicts.is_not_yet(name, show(ours)):
                self.counts["not yet"] += 1
            elif stops(difference):
                return True
        self.counts["commands"] += len(sent.batch.commands)
        return False

    def _equal_transactions(self, commands: list[list[bytes]], ours: Tree, theirs: Tree) -> bool:
        if not len(commands) == len(ours) == len(theirs):
            return False
        return all(
            equal(self._rule(self.name_of(words)), words, one, other)
            or self.verdicts.accepts(self.name_of(words), show(one), show(other))
            for words, one, other in zip(commands, ours, theirs, strict=True))

    def _rule(self, name: str) -> str:
        command = self.grammar.commands.get(name)
        return rules.rule_of(name, command.tips if command else set())

    def name_of(self, words: list[bytes]) -> str:
        """The name of the docs: `config|get`; an unknown command is called so."""
        name = words[0].decode("latin-1").lower()
        if len(words) > 1 and f"{name}|" in self.grammar.containers:
            full = f"{name}|{words[1].decode('latin-1').lower()}"
            return full if full in self.grammar.commands else f"{name}|(unknown)"
        return name if name in self.grammar.commands else "(unknown)"
