"""RESP as bytes and as trees, and a connection that speaks it.

A tree keeps what a client could tell apart: a bulk string is `bytes`, an integer is `int`, an array is a `list`, and
everything else is a tuple of its type byte and its value: `("+", b"OK")`, `("%", [key, value, ...])`, `("_",)` for a
null of RESP3, `("$",)` and `("*",)` for the nulls of RESP2.
"""

import socket

Tree = object

_BULKS = {36: "$", 61: "=", 33: "!"}
_LINES = {43: "+", 45: "-", 44: ",", 35: "#", 40: "("}
_GROUPS = {37: "%", 126: "~", 62: ">", 124: "|"}


class Incomplete(Exception):
    """The reply goes on beyond the bytes that are here."""


class Malformed(Exception):
    """The bytes are no RESP."""


def encode(arguments: list[bytes]) -> bytes:
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        parts.append(b"$%d\r\n%b\r\n" % (len(argument), argument))
    return b"".join(parts)


def parse(data: bytes, start: int) -> tuple[Tree, int]:
    """The reply that begins at `start`, and where the next one does."""
    end = data.find(b"\r\n", start)
    if end < 0:
        raise Incomplete
    kind = data[start]
    after = end + 2
    if kind in _BULKS:
        size = int(data[start + 1 : end])
        if size < 0:
            return ("$",), after
        if len(data) < after + size + 2:
            raise Incomplete
        text = data[after : after + size]
        return (text if kind == 36 else (_BULKS[kind], text)), after + size + 2
    if kind == 58:
        return int(data[start + 1 : end]), after
    if kind in _LINES:
        return (_LINES[kind], data[start + 1 : end]), after
    if kind == 95:
        return ("_",), after
    if kind != 42 and kind not in _GROUPS:
        raise Malformed(data[start : start + 60])
    count = int(data[start + 1 : end])
    if count < 0:
        return ("*",), after
    items = []
    for _ in range(count * 2 if kind in (37, 124) else count):
        item, after = parse(data, after)
        items.append(item)
    if kind == 124:
        # An attribute belongs to the reply behind it.
        reply, after = parse(data, after)
        return ("|", [items, reply]), after
    return (items if kind == 42 else (_GROUPS[kind], items)), after


def is_error(tree: Tree) -> bool:
    return type(tree) is tuple and tree[0] == "-"


def is_push(tree: Tree) -> bool:
    return type(tree) is tuple and tree[0] == ">"


def show(tree: Tree, limit: int = 400) -> str:
    """A reply for people, shortened."""
    text = _show(tree)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def _show(tree: Tree) -> str:
    if isinstance(tree, bytes):
        return repr(tree)[1:]
    if isinstance(tree, int):
        return f"(integer) {tree}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(_show, tree)) + "]"
    if len(tree) == 1:
        return f"(null {tree[0]})"
    if isinstance(tree[1], bytes):
        return tree[0] + tree[1].decode("utf-8", "backslashreplace")
    return tree[0] + "[" + ", ".join(map(_show, tree[1])) + "]"


class Stuck(Exception):
    """No reply within the time that any reply may take."""


class Closed(Exception):
    """The other side closed the connection."""


class Stream:
    """A connected socket with a timeout; what goes wrong with it is Stuck or Closed."""

    def __init__(self, connected: socket.socket):
        self.socket = connected

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except TimeoutError as problem:
            raise Stuck from problem
        except OSError as problem:
            raise Closed from problem

    def more(self) -> bytes:
        """Waits for more bytes; never empty."""
        try:
            more = self.socket.recv(1 << 18)
        except TimeoutError as problem:
            raise Stuck from problem
        except OSError as problem:
            raise Closed from problem
        if not more:
            raise Closed
        return more


class Connection(Stream):
    """A connection to a unix socket; bytes of replies wait in `data` from `start` on."""

    def __init__(self, path: str, timeout_s: float = 10):
        super().__init__(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        self.socket.settimeout(timeout_s)
        self.socket.connect(path)
        self.data = b""
        self.start = 0

    def receive(self) -> None:
        """Waits for more bytes."""
        more = self.more()
        self.data = self.data[self.start :] + more if self.start < len(self.data) else more
        self.start = 0

    def reply(self) -> Tree:
        while True:
            if self.start < len(self.data):
                try:
                    tree, self.start = parse(self.data, self.start)
                    return tree
                except Incomplete:
                    pass
            self.receive()

    def command(self, *words: bytes | str | int) -> Tree:
        return self.pipeline([words])[0]

    def pipeline(self, commands: list) -> list[Tree]:
        """Replies to many commands; in slices, so that neither side waits for the other to read."""
        replies = []
        for first in range(0, len(commands), 500):
            part = commands[first : first + 500]
            self.send(b"".join(encode([_bytes(word) for word in words]) for words in part))
            replies += [self.reply() for _ in part]
        return replies


def _bytes(word: bytes | str | int) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()
