"""Just enough of RESP2 to fill servers, to see that a proxy answers, and to hold idle
connections open."""

import socket
from typing import Union

Reply = Union[None, bytes, int, "ErrorReply", list["Reply"]]


class ErrorReply(Exception):
    """An error that a server answered with."""


def encode(*arguments: Union[str, bytes, int]) -> bytes:
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        body = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(body), body))
    return b"".join(parts)


class Connection:
    """A blocking connection with a timeout."""

    def __init__(self, port: int, timeout_s: float = 10) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, *arguments: Union[str, bytes, int]) -> None:
        self.socket.sendall(encode(*arguments))

    def call(self, *arguments: Union[str, bytes, int]) -> Reply:
        self.send(*arguments)
        return self.reply()

    def reply(self) -> Reply:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return ErrorReply(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.take(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        raise ValueError(f"not a RESP2 reply: {line[:80]!r}")

    def _more(self) -> bytes:
        received = self.socket.recv(1 << 20)
        if not received:
            raise ConnectionError("the other side closed the connection")
        return received

    def _line(self) -> bytes:
        while b"\r\n" not in self.unread:
            self.unread += self._more()
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line

    def take(self, count: int) -> bytes:
        """Waits for so many bytes."""
        pieces, size = [self.unread], len(self.unread)
        while size < count:
            pieces.append(self._more())
            size += len(pieces[-1])
        whole = b"".join(pieces)
        self.unread = whole[count:]
        return whole[:count]


def call(port: int, *arguments: Union[str, bytes, int], timeout_s: float = 10) -> Reply:
    with Connection(port, timeout_s) as connection:
        return connection.call(*arguments)


def fill(port: int, prefix: str, count: int, value: bytes) -> None:
    """Writes `count` keys, the index in 12 digits behind the prefix."""
    batch = max(1, min(2_000, (1 << 20) // max(1, len(value))))
    size = len(f"{prefix}{0:012d}")
    head = f"*3\r\n$3\r\nSET\r\n${size}\r\n{prefix}"
    tail = b"\r\n$%d\r\n%s\r\n" % (len(value), value)
    with Connection(port, 60) as connection:
        for start in range(0, count, batch):
            indices = range(start, min(start + batch, count))
            connection.socket.sendall(
                b"".join(f"{head}{index:012d}".encode() + tail for index in indices)
            )
            expected = b"+OK\r\n" * len(indices)
            answers = connection.take(len(expected))
            if answers != expected:
                raise RuntimeError(f"filling the server on port {port}: {answers[:200]!r}")
