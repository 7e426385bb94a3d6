"""What a client asked and what became of it. Times are those of the machine's one monotonic clock, so that those of
several processes compare.

A value is written once in a run: it begins with the number of its client and of its write, and the rest follows from
that. A history keeps these two numbers in place of the value.
"""

import enum
from typing import NamedTuple

from .replies import error_text

# A client's number and that of its write.
Value = tuple[int, int]
_FILLER = bytes(range(33, 127)) * 3000


class Outcome(enum.IntEnum):
    """What is known of a request's effect."""

    DONE = 0
    # An error says that nothing was executed, or the request only reads.
    NOTHING = 1
    # An error says so.
    UNKNOWN = 2
    # The client's connection ended before the reply.
    LOST = 3
    # A reply, or an error, that has no business there.
    ODD = 4


class Request(NamedTuple):
    client: int
    # Requests of one batch were sent together; `position` counts all requests of the client.
    batch: int
    position: int
    name: str
    keys: tuple[bytes, ...]
    # Values written or read, in the order of the keys; the number that INCR answered.
    values: tuple
    invoked: float
    completed: float
    outcome: Outcome
    # The error, or what is odd.
    text: str = ""


def spell(value: Value, size: int) -> bytes:
    """The bytes of a value; its own beginning says how long it is."""
    head = b"%d.%d.%d|" % (*value, size)
    start = value[1] % 94
    return head + _FILLER[start : start + size]


def read(data: object) -> Value | None | str:
    """The value that these bytes are, None for nil, or a text when nobody can have written them."""
    if data is None:
        return None
    if isinstance(data, bytes):
        words = data.partition(b"|")[0].split(b".")
        if len(words) == 3 and all(word.isdigit() for word in words):
            client, number, size = map(int, words)
            if data == spell((client, number), size):
                return client, number
    return f"{data!r:.80} was never written"


# Words with which a server refuses a command before it does anything.
REFUSALS = ("LOADING", "MASTERDOWN", "BUSY", "READONLY", "MISCONF", "OOM")


def outcome_of(name: str, error: str) -> Outcome:
    """What an error promises."""
    lower = error.lower()
    if " shards, first on " in lower:
        # Of a request in parts, the error speaks of one.
        return Outcome.UNKNOWN if name == "MSET" else Outcome.NOTHING
    if "nothing was executed" in lower or error.startswith(REFUSALS):
        return Outcome.NOTHING
    if name in ("GET", "MGET") and ("only reads" in lower or "late reply" in lower):
        return Outcome.NOTHING
    return Outcome.UNKNOWN if "outcome unknown" in lower else Outcome.ODD


def judge(name: str, keys: tuple, values: tuple, token: bytes, reply: object) -> tuple[Outcome, tuple, str]:
    """The outcome of a request that was answered, with what it read."""
    error = error_text(reply)
    if error is not None:
        return outcome_of(name, error), values, error
    written = ()
    if name in ("SET", "MSET"):
        fits, written = reply == ("+", b"OK"), values
    elif name == "INCR":
        fits, values = isinstance(reply, int), (reply,)
    elif name == "ECHO":
        fits = reply == token
    else:
        found = reply if name == "MGET" else [reply]
        fits = isinstance(found, list) and len(found) == len(keys)
        values = tuple(map(read, found)) if fits else ()
    return (Outcome.DONE, values, "") if fits else (Outcome.ODD, written, f"{name} was answered {reply!r:.120}")
