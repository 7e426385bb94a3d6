"""What clients ask in one go: steps, each of one command or of some that belong together, and the client that sends
them in one piece and keeps what it was answered.
"""

import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from differential.resp import Closed, Stream, Stuck, encode
from endurance.clients import Connection
from endurance.replies import Garbled, error_text

from .history import BESIDE, ClientNumbers, Read

# A client leaves then. A blocking command on a connection that has died in silence waits for nothing else.
PATIENCE_S = 8.0


class Step(NamedTuple):
    """Its reply is that of its last command."""

    name: bytes
    commands: list[list[bytes]]
    # What `read` finds in the reply is a version of this key.
    key: bytes | None = None
    read: Callable[[object], int | None | str] | None = None


class Answer(NamedTuple):
    step: Step
    position: int
    reply: object
    # Empty when all went well.
    error: str
    ended: float

    @property
    def seen(self) -> int | None | str:
        try:
            return self.step.read(self.reply)
        except (AttributeError, IndexError, TypeError, ValueError):
            return f"{self.reply!r:.80} is no answer to {self.step.name.decode()}"


class Client(Connection):
    """A connection to a Keyway's port, or past it to the path of a server's socket."""

    def __init__(self, way: int, place: int | str, numbers: ClientNumbers, speaks_three: bool):
        if way == BESIDE:
            connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connected.settimeout(PATIENCE_S)
            connected.connect(place)
        else:
            connected = socket.create_connection(("127.0.0.1", place), PATIENCE_S)
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Stream.__init__(self, connected)
        self.data = bytearray()
        self.way, self.number = way, numbers.take()
        self.position = 0
        self.began = 0.0
        self.is_broken = False
        if speaks_three:
            self.ask([Step(b"HELLO", [[b"HELLO", b"3"]])])

    def ask(self, steps: list[Step]) -> list[Answer]:
        """All in one piece. What is not answered has an error."""
        data = b"".join(encode(words) for step in steps for words in step.commands)
        self.began = time.monotonic()
        answers: list[Answer] = []
        try:
            self.send(data)
            for step in steps:
                replies = [self.reply() for _ in step.commands]
                error = next(filter(None, map(_error_in, replies)), "")
                answers.append(self._answer(step, replies[-1], error))
        except (Closed, Stuck, Garbled) as problem:
            self.is_broken = True
            self.close()
            answers += [self._answer(step, None, type(problem).__name__) for step in steps[len(answers) :]]
        return answers

    def _answer(self, step: Step, reply: object, error: str) -> Answer:
        self.position += 1
        return Answer(step, self.position, reply, error, time.monotonic())

    def read(self, answer: Answer) -> Read:
        """What is to be kept of an answer without an error."""
        return Read(answer.step.key, answer.seen, self.number, answer.position, self.way, self.began, answer.ended,
                    answer.step.name.decode())


def _error_in(reply: object) -> str | None:
    """Also one inside of EXEC's reply."""
    if isinstance(reply, list):
        return next(filter(None, map(error_text, reply)), None)
    return error_text(reply)
