"""Replies as trees, from bytes of which a part may be nonsense: a shard whose bytes are corrupted answers anything, and
that is no reason for a client to lose its place. What cannot be read as what it claims to be is a tuple of its type
byte and its bytes.

A bulk string is `bytes`, an integer is `int`, an array is a `list`, nil is None; all else is such a tuple.
"""

from differential.resp import Incomplete

_BULKS = b"$=!"
_PAIRS = b"%|"
_GROUPS = b"*~>%|"


class Garbled(Exception):
    """These bytes have no beginning of a reply where one must be."""


def parse(data: bytes | bytearray, start: int) -> tuple[object, int]:
    """The reply that begins at `start`, and where the next one does."""
    end = data.find(b"\r\n", start)
    if end < 0:
        raise Incomplete
    kind, line, after = data[start], bytes(data[start + 1 : end]), end + 2
    if kind not in _BULKS and kind not in _GROUPS:
        if kind not in b"+-:_,#(":
            raise Garbled(bytes(data[start : start + 60]))
        return (_number(line) if kind == 58 else (chr(kind), line)), after
    try:
        count = int(line)
    except ValueError as problem:
        raise Garbled(bytes(data[start : start + 60])) from problem
    if count < 0:
        return None, after
    if kind in _BULKS:
        if len(data) < after + count + 2:
            raise Incomplete
        return bytes(data[after : after + count]), after + count + 2
    items = []
    for _ in range(count * 2 if kind in _PAIRS else count):
        item, after = parse(data, after)
        items.append(item)
    if kind == 124:
        # An attribute belongs to the reply behind it.
        return parse(data, after)
    return (items if kind == 42 else (chr(kind), items)), after


def _number(line: bytes) -> object:
    try:
        return int(line)
    except ValueError:
        return (":", line)


def error_text(reply: object) -> str | None:
    if type(reply) is tuple and reply[0] == "-":
        return reply[1].decode("utf-8", "backslashreplace")
    return None
