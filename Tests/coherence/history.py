"""What was written and what was read. Times are those of the machine's one monotonic clock, so that those of several
processes compare.

A client is a connection: a new one has a new number. Positions count what a client has sent, in the order of its
replies.
"""

import os
from typing import NamedTuple

NEVER = float("inf")
# In place of a pool's number: past Keyway, at the server itself.
BESIDE = -1
# A key's state before its first write.
ABSENT = 0
# Numbers of a process's clients: below them is room for as many as it may open.
CLIENTS_OF_PROCESS = 1_000_000


class Write(NamedTuple):
    key: bytes
    version: int
    # It leaves no key behind.
    is_end: bool
    client: int
    position: int
    # Which Keyway it went through, or BESIDE.
    way: int
    began: float
    # NEVER: of its outcome nothing is known.
    acknowledged: float
    name: str
    # The key ends by its own life, which every copy knows.
    is_expiry: bool = False


class Read(NamedTuple):
    key: bytes
    # A version, None when there was no key, or a text that says what else was there.
    seen: int | None | str
    client: int
    position: int
    way: int
    began: float
    ended: float
    name: str


class ClientNumbers:
    """Those of one process."""

    def __init__(self):
        self.next = os.getpid() * CLIENTS_OF_PROCESS

    def take(self) -> int:
        self.next += 1
        return self.next
