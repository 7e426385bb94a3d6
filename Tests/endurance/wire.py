"""The bytes between Keyway and one server, and what can happen to them: late, in small pieces, cut off after any of
them, swallowed without a word, or replaced by others.

A wire listens on a TCP port and passes on to the server's unix socket. All wires run in one thread of their own; the
methods of `Wires` may be called from any other.
"""

import asyncio
import random
import socket
import struct
import threading
from collections import deque

_BUFFER_BYTES = 1 << 18


class Wire:
    """What happens at the moment between Keyway and one server."""

    def __init__(self, path: str, seed: str):
        self.path = path
        self.random = random.Random(seed)
        self.port = 0
        self.links: set[Link] = set()
        self.delay_s = 0.0
        # Each way of each connection is late by its own part of this.
        self.skew_s = 0.0
        self.dribbles = False
        # How many bytes still pass before a connection is cut, or None.
        self.bytes_left: int | None = None
        self.corrupted_share = 0.0

    def corrupt(self, data: bytes) -> bytes:
        """Perhaps replaces one byte."""
        if self.random.random() >= self.corrupted_share:
            return data
        place = self.random.randrange(len(data))
        byte = self.random.choice([self.random.randrange(256), *b"$*:+-_>%|\r\n0129"])
        return data[:place] + bytes([byte]) + data[place + 1 :]


class Link:
    """One connection of Keyway, and the one to the server that belongs to it."""

    def __init__(self, wire: Wire):
        self.wire = wire
        # Nothing that comes is passed on, and nobody is told.
        self.is_dead = False
        self.client, self.server = End(self), End(self)
        self.client.other, self.server.other = self.server, self.client
        wire.links.add(self)

    async def connect_server(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: self.server, self.wire.path)
        except OSError:
            return self.cut(is_reset=False)
        if self.client.transport.is_closing():
            return self.cut(is_reset=False)
        self.client.transport.resume_reading()

    def cut(self, is_reset: bool) -> None:
        for end in (self.client, self.server):
            if end.transport is None:
                continue
            if is_reset:
                connection = end.transport.get_extra_info("socket")
                if connection.family != socket.AF_UNIX:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()
        self.wire.links.discard(self)


class End(asyncio.Protocol):
    """One end of a link: what comes in here goes out at the other."""

    def __init__(self, link: Link):
        self.link = link
        self.skew_part = link.wire.random.random()
        self.other: End
        self.transport = None
        self.is_over = False
        # What is to be sent from here, each with the time when it is due.
        self.waiting: deque[tuple[float, bytes]] = deque()
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        if self is self.link.client:
            transport.pause_reading()
            self.loop.create_task(self.link.connect_server())

    def data_received(self, data: bytes) -> None:
        link, wire = self.link, self.link.wire
        if link.is_dead:
            return
        if wire.corrupted_share:
            data = wire.corrupt(data)
        if wire.bytes_left is not None:
            wire.bytes_left -= len(data)
            if wire.bytes_left < 0:
                data = data[: wire.bytes_left]
                wire.bytes_left = None
                self.other.send_at_once(data)
                # What was written shall arrive; what comes the other way may be lost.
                self.loop.call_later(0.002, link.cut, wire.random.random() < 0.5)
                link.is_dead = True
                return
        self.other.send(data)

    def send(self, data: bytes) -> None:
        wire = self.link.wire
        if self.transport.is_closing():
            return
        delay_s = wire.delay_s + wire.skew_s * self.skew_part
        if not (self.waiting or delay_s or wire.dribbles):
            self.transport.write(data)
            return
        due = max(self.loop.time() + delay_s, self.waiting[-1][0] if self.waiting else 0)
        step = max(len(data) // 100, wire.random.randint(1, 7)) if wire.dribbles else len(data)
        wakes = not self.waiting
        for start in range(0, len(data), step):
            due += 0.001 if wire.dribbles else 0
            self.waiting.append((due, data[start : start + step]))
        if len(self.waiting) > 1000:
            self.other.transport.pause_reading()
        if wakes:
            self.loop.call_at(self.waiting[0][0], self._send_due)

    def send_at_once(self, data: bytes) -> None:
        """With all that waits, in its order."""
        while self.waiting:
            self.transport.write(self.waiting.popleft()[1])
        self.transport.write(data)

    def _send_due(self) -> None:
        now = self.loop.time()
        while self.waiting and self.waiting[0][0] <= now:
            _, data = self.waiting.popleft()
            if not self.transport.is_closing() and not self.link.is_dead:
                self.transport.write(data)
        if self.waiting:
            self.loop.call_at(self.waiting[0][0], self._send_due)
        elif self.is_over:
            self.transport.close()
        else:
            self.resume_writing()

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, problem: Exception | None) -> None:
        link, other = self.link, self.other
        if link.is_dead and self is link.server:
            # Keyway is not told that the server has gone.
            return
        other.is_over = True
        if other.transport is not None and not other.waiting:
            other.transport.close()
        link.wire.links.discard(link)


class Wires:
    """All wires, in their thread."""

    def __init__(self, paths: list[str], seed: str):
        self.wires = [Wire(path, f"{seed}/{index}") for index, path in enumerate(paths)]
        self.loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server | None] = [None] * len(paths)
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        for index in range(len(paths)):
            self.listen(index)

    def listen(self, index: int) -> None:
        wire = self.wires[index]

        async def begin() -> None:
            server = await self.loop.create_server(lambda: Link(wire).client, "127.0.0.1", wire.port)
            wire.port = server.sockets[0].getsockname()[1]
            self._servers[index] = server

        asyncio.run_coroutine_threadsafe(begin(), self.loop).result(10)

    def refuse(self, index: int) -> None:
        """Connections are refused until `listen`."""
        self._do(lambda: self._servers[index].close())

    def set(self, index: int, **values: object) -> None:
        """Changes what happens on a wire from now on."""
        self._do(lambda: vars(self.wires[index]).update(values))

    def cut_all(self, index: int, is_reset: bool) -> None:
        self._do(lambda: [link.cut(is_reset) for link in list(self.wires[index].links)])

    def kill_silently(self, index: int) -> None:
        """All connections of now pass nothing on any more, and stay open."""

        def kill() -> None:
            for link in list(self.wires[index].links):
                link.is_dead = True
                if link.server.transport is not None:
                    link.server.transport.abort()

        self._do(kill)

    def dead_count(self, index: int) -> int:
        """How many of these Keyway has not given up."""
        return self._do(lambda: sum(link.is_dead for link in self.wires[index].links))

    def link_count(self) -> int:
        return self._do(lambda: sum(len(wire.links) for wire in self.wires))

    def _do(self, action):
        async def act():
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self.loop).result(10)
