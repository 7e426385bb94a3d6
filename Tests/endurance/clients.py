"""Clients: threads of processes of their own, which send batches of random requests and keep what became of them.

A process is told by a pipe to begin a chapter and to end it, and answers with its history. What a client sends follows
from the seed; how far it comes does not.
"""

import ctypes
import multiprocessing
import random
import signal
import socket
import threading
import time
from dataclasses import dataclass

from differential.resp import Closed, Incomplete, Stream, Stuck, encode

from .history import Outcome, Request, judge, spell
from .replies import Garbled, parse

PROCESS_COUNT = 2
THREAD_COUNT = 4
# No request may wait longer than this, whatever fails: some limits of Keyway and a busy machine fit in.
PATIENCE_S = 20.0
_NAMES = ["GET"] * 34 + ["SET"] * 30 + ["MGET"] * 10 + ["MSET"] * 8 + ["INCR"] * 12 + ["ECHO"] * 6
# Long values flow through Keyway in other ways than short ones, and those of more than 128 KiB in one more.
_LONG_BYTES = (20_000, 60_000, 200_000)


@dataclass
class Chapter:
    """What the clients of a chapter have to know."""

    seed: str
    registers: list[bytes]
    counters: list[bytes]


class Connection(Stream):
    """To Keyway; it waits no longer than any reply may take."""

    def __init__(self, port: int, timeout_s: float = PATIENCE_S):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout_s))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = bytearray()

    def reply(self) -> object:
        while True:
            try:
                tree, after = parse(self.data, 0)
                del self.data[:after]
                return tree
            except Incomplete:
                self.data += self.more()


class Client(threading.Thread):
    """One connection at a time, and a batch at a time on it."""

    def __init__(self, chapter: Chapter, port, number: int, written_count: int, stop: threading.Event):
        super().__init__(daemon=True)
        self.chapter, self.port, self.number, self.stop = chapter, port, number, stop
        self.written_count = written_count
        self.random = random.Random(f"{chapter.seed}/{number}")
        self.batch = self.position = 0
        self.requests: list[Request] = []

    def run(self) -> None:
        connection = None
        while not self.stop.is_set():
            try:
                connection = connection or Connection(self.port.value)
            except OSError:
                time.sleep(0.01)
                continue
            if not self._batch(connection):
                connection.close()
                connection = None
            time.sleep(self.random.random() * 0.006)
        if connection is not None:
            connection.close()

    def _batch(self, connection: Connection) -> bool:
        """Sends requests together. False: the connection is of no more use."""
        count = 1 if self.random.random() < 0.5 else self.random.randint(2, 12)
        drawn = [self._draw() for _ in range(count)]
        data = b"".join(encode(words) for _, _, _, words in drawn)
        self.batch += 1
        invoked = time.monotonic()
        outcome, text = Outcome.LOST, "the connection was closed"
        done = 0
        try:
            connection.send(data)
            for name, keys, values, words in drawn:
                reply = connection.reply()
                self._note(name, keys, invoked, *judge(name, keys, values, words[-1], reply))
                done += 1
            return True
        except Closed:
            pass
        except Stuck:
            outcome, text = Outcome.ODD, f"no reply within {PATIENCE_S:g} s"
        except Garbled as problem:
            outcome, text = Outcome.ODD, f"no reply begins with {problem}"
        for name, keys, values, _ in drawn[done:]:
            self._note(name, keys, invoked, outcome, values, text)
        return False

    def _note(self, name: str, keys: tuple, invoked: float, outcome: Outcome, values: tuple, text: str) -> None:
        self.position += 1
        self.requests.append(Request(self.number, self.batch, self.position, name, keys, values, invoked,
                                     time.monotonic(), outcome, text))

    def _draw(self) -> tuple[str, tuple, tuple, list[bytes]]:
        name = self.random.choice(_NAMES)
        if name == "ECHO":
            return name, (), (), [b"ECHO", b"%d:%d" % (self.number, self.random.getrandbits(40))]
        if name == "INCR":
            keys = (self.random.choice(self.chapter.counters),)
            return name, keys, (), [b"INCR", *keys]
        count = self.random.randint(2, 6) if name[0] == "M" else 1
        keys = tuple(self.random.sample(self.chapter.registers, count))
        if name.endswith("GET"):
            return name, keys, (), [name.encode(), *keys]
        values, words = [], [name.encode()]
        for key in keys:
            self.written_count += 1
            values.append((self.number, self.written_count))
            words += [key, spell(values[-1], self._size())]
        return name, keys, tuple(values), words

    def _size(self) -> int:
        return self.random.choice(_LONG_BYTES) if self.random.random() < 0.01 else self.random.randrange(60)


def _serve(pipe, port, first: int) -> None:
    """A process: chapters until the pipe ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    written = {first + index: 0 for index in range(THREAD_COUNT)}
    try:
        while True:
            chapter = pipe.recv()
            stop = threading.Event()
            clients = [Client(chapter, port, number, count, stop) for number, count in written.items()]
            for client in clients:
                client.start()
            pipe.recv()
            stop.set()
            for client in clients:
                client.join()
                written[client.number] = client.written_count
            pipe.send([request for client in clients for request in client.requests])
    except EOFError:
        pass


class Clients:
    """All processes of clients. New connections go to `port.value`."""

    def __init__(self, port: int):
        context = multiprocessing.get_context("spawn")
        self.port = context.Value("i", port)
        self.pipes = []
        for index in range(PROCESS_COUNT):
            ours, theirs = context.Pipe()
            context.Process(target=_serve, args=(theirs, self.port, index * THREAD_COUNT), daemon=True).start()
            theirs.close()
            self.pipes.append(ours)

    def begin(self, chapter: Chapter) -> None:
        for pipe in self.pipes:
            pipe.send(chapter)

    def end(self) -> list[Request]:
        """Stops all; returns when everybody has been answered."""
        for pipe in self.pipes:
            pipe.send(None)
        return [request for pipe in self.pipes for request in pipe.recv()]
