"""Writers: threads that make versions, through a Keyway and beside it.

Whoever holds a key's lock alone writes it, so its versions are made in their order. What became of a write may stay
unknown, and it may happen late: `checks` knows. Behind each acknowledged write another client of the same Keyway, the
witness, reads at once.
"""

import random
import threading
import time
from contextlib import ExitStack

from .history import ABSENT, BESIDE, NEVER, ClientNumbers, Read, Write
from .kinds import Counters, Strings, draw_read, kind_of
from .plan import Chapter
from .steps import Answer, Client, Step

THREAD_COUNT = 4
_LIVES_MS = (5, 300)


class Versions:
    """How far each key has come, and who may write it. They outlast chapters."""

    def __init__(self):
        self.locks: dict[bytes, threading.Lock] = {}
        self.last: dict[bytes, int] = {}

    def add(self, keys: list[bytes]) -> None:
        for key in keys:
            self.locks.setdefault(key, threading.Lock())
            self.last.setdefault(key, ABSENT)

    def next(self, key: bytes) -> int:
        """The caller holds the lock."""
        self.last[key] += 1
        return self.last[key]


class Writer(threading.Thread):
    def __init__(self, chapter: Chapter, index: int, versions: Versions, numbers: ClientNumbers, stop: threading.Event):
        super().__init__(daemon=True)
        self.chapter, self.versions, self.numbers, self.stop = chapter, versions, numbers, stop
        self.random = random.Random(f"{chapter.seed}/writer/{index}")
        self.clients: dict[tuple, Client] = {}
        self.writes: list[Write] = []
        self.reads: list[Read] = []
        self.error_count = 0

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                if self.chapter.flushes and self.random.random() < 0.01:
                    self._flush()
                else:
                    self._write()
            except OSError:
                # Nobody listens at the moment.
                self.stop.wait(0.02)
            self.stop.wait(self.random.random() * self.chapter.pause_s)
        for client in self.clients.values():
            client.close()

    def _client(self, way: int, place: int | str, role: str) -> Client:
        client = self.clients.get((place, role))
        if client is None or client.is_broken:
            client = Client(way, place, self.numbers, self.random.random() < 0.5)
            self.clients[place, role] = client
        return client

    def _clients_of(self, key: bytes) -> tuple[Client, Client | None]:
        """Who writes, and the witness where there is one."""
        if self.random.random() < self.chapter.beside_share:
            return self._client(BESIDE, self.chapter.paths[self.chapter.shard_of[key]], "writer"), None
        way = self.random.randrange(len(self.chapter.ports))
        port = self.chapter.ports[way]
        return self._client(way, port, "writer"), self._client(way, port, f"witness{self.random.randrange(3)}")

    # MARK: One key

    def _write(self) -> None:
        key = self.random.choice(self.chapter.keys)
        client, witness = self._clients_of(key)
        if isinstance(kind_of(key), Counters):
            return self._count(key, client, witness)
        with self.versions.locks[key]:
            steps, intents = self._draw(key, client)
            self._settle(client, intents, client.ask(steps))
            if witness is not None:
                self._look(witness, key)

    def _draw(self, key: bytes, client: Client) -> tuple[list[Step], list]:
        """Writes with reads before, between and behind them. Intents: for each step, a version and how it ends."""
        steps, intents = [], []
        for _ in range(1 if self.random.random() < 0.7 else 2):
            self._add_reads(key, client, steps, intents)
            kind, life_ms = kind_of(key), 0
            if self.random.random() < 0.12:
                self._end(steps, intents, self.random.choice(kind.ends(key)), key)
                continue
            version = self.versions.next(key)
            if isinstance(kind, Strings) and self.random.random() < 0.1:
                life_ms = self.random.randint(*_LIVES_MS)
                steps.append(kind.lives(key, version, life_ms)[0])
                intents.append((key, version, False, life_ms))
                self.versions.next(key)
            else:
                steps.append(self.random.choice(kind.writes(key, version)))
                intents.append((key, version, False, 0))
        self._add_reads(key, client, steps, intents)
        return steps, intents

    def _end(self, steps: list[Step], intents: list, step: Step, key: bytes) -> None:
        steps.append(step)
        intents.append((key, self.versions.next(key), True, 0))

    def _add_reads(self, key: bytes, client: Client, steps: list[Step], intents: list) -> None:
        if client.way == BESIDE:
            return
        for _ in range(self.random.choice([0, 0, 1, 1, 2])):
            steps.append(draw_read(key, self.random))
            intents.append(None)

    def _settle(self, client: Client, intents: list, answers: list[Answer]) -> None:
        for intent, answer in zip(intents, answers):
            self.error_count += bool(answer.error)
            if intent is not None:
                self._keep(client, *intent, answer)
            elif not answer.error:
                self.reads.append(client.read(answer))

    def _keep(self, client: Client, key: bytes, version: int, is_end: bool, life_ms: int, answer: Answer) -> None:
        known = NEVER if answer.error else answer.ended
        name = answer.step.name.decode()
        self.writes.append(Write(key, version, is_end, client.number, answer.position, client.way, client.began, known,
                                 name))
        if life_ms:
            life_s = life_ms / 1000
            self.writes.append(Write(key, version + 1, True, client.number, answer.position, BESIDE,
                                     client.began + life_s - 0.002, known + life_s + 0.002, f"end of {name}", True))

    def _look(self, witness: Client, key: bytes) -> None:
        steps = [draw_read(key, self.random) for _ in range(self.random.choice([1, 1, 2]))]
        self.reads += [witness.read(answer) for answer in witness.ask(steps) if not answer.error]

    # MARK: Others

    def _count(self, key: bytes, client: Client, witness: Client | None) -> None:
        steps = [self.random.choice(kind_of(key).writes(key, 0))]
        if client.way != BESIDE:
            steps = [draw_read(key, self.random), *steps, draw_read(key, self.random)]
        for answer in client.ask(steps):
            self.error_count += bool(answer.error)
            if answer.step.name.endswith(b"INCR"):
                is_known = not answer.error and isinstance(answer.seen, int)
                self.writes.append(Write(
                    key, answer.seen if is_known else ABSENT, False, client.number, answer.position, client.way,
                    client.began, answer.ended if is_known else NEVER, answer.step.name.decode()))
            elif not answer.error:
                self.reads.append(client.read(answer))
        if witness is not None:
            self._look(witness, key)

    def _flush(self) -> None:
        """Of one server beside Keyway, or of all of them through it."""
        if self.random.random() < 0.5:
            shard = self.random.randrange(len(self.chapter.paths))
            client = self._client(BESIDE, self.chapter.paths[shard], "writer")
            keys = sorted(key for key in self.chapter.keys if self.chapter.shard_of[key] == shard)
        else:
            way = self.random.randrange(len(self.chapter.ports))
            client = self._client(way, self.chapter.ports[way], "writer")
            keys = sorted(self.chapter.keys)
        with ExitStack() as held:
            for key in keys:
                held.enter_context(self.versions.locks[key])
            answer = client.ask([Step(b"FLUSHALL", [[b"FLUSHALL"]])])[0]
            for key in keys:
                self._keep(client, key, self.versions.next(key), True, 0, answer)
            time.sleep(0.02)
