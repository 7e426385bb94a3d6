"""The wires are judged: `python3 -m unittest endurance.test_wire`, from the folder Tests/. Whatever happens to the
bytes of a connection, those that arrive are the first of those that were sent, in their order."""

import random
import socket
import tempfile
import time
import unittest
from contextlib import suppress
from pathlib import Path

from .wire import Wires

SEED = random.SystemRandom().randrange(1 << 31)
PATIENCE_S = 5


class OrderTests(unittest.TestCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        path = str(Path(self.folder.name) / "server.sock")
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(self.server.close)
        self.server.bind(path)
        self.server.listen()
        self.wires = Wires([path], str(SEED))

    def _connect(self) -> tuple[socket.socket, socket.socket]:
        """A connection's two ends."""
        client = socket.create_connection(("127.0.0.1", self.wires.wires[0].port), PATIENCE_S)
        server, _ = self.server.accept()
        for end in (client, server):
            end.settimeout(PATIENCE_S)
            self.addCleanup(end.close)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, server

    def _received(self, end: socket.socket) -> bytes:
        """All until the connection ends."""
        received = b""
        try:
            while more := end.recv(1 << 16):
                received += more
        except ConnectionResetError:
            pass
        return received

    def test_a_cut_overtakes_nothing(self):
        for _ in range(40):
            for ends in (self._connect(), self._connect()[::-1]):
                sender, receiver = ends
                self.wires.set(0, delay_s=self.random.choice([0, 0.004]), skew_s=self.random.choice([0, 0.004]),
                               dribbles=self.random.random() < 0.3)
                sent = b""
                cut_at = self.random.randrange(4)
                for index in range(cut_at + 1):
                    if index == cut_at:
                        self.wires.set(0, bytes_left=self.random.randrange(10))
                    part = b"".join(b"%d." % (len(sent) + place) for place in range(self.random.randint(5, 40)))
                    # What was sent before may have met the cut already.
                    with suppress(BrokenPipeError, ConnectionResetError):
                        sender.sendall(part)
                    sent += part
                    time.sleep(self.random.choice([0, 0.001, 0.003]))
                received = self._received(receiver)
                self.wires.set(0, delay_s=0, skew_s=0, dribbles=False, bytes_left=None)
                self.assertLess(len(received), len(sent), f"seed {SEED}")
                self.assertEqual(received, sent[: len(received)], f"seed {SEED}")
