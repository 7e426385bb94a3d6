"""The processes under test: four servers on unix sockets in a folder of their own, and one Keyway before them, or two
while one takes over from the other. All end with the judge, however that ends.

Three servers write each change to their log before they answer, so that what they acknowledged outlives kill -9; the
last one is a cache, which forgets everything.
"""

import ctypes
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from differential.fleet import NotThere
from differential.resp import Closed, Stuck, encode
from differential.resp import Connection as Direct

from .clients import Connection

SHARD_COUNT = 4
CACHE = 3
WAIT_S = 30.0
MEMORY_LIMIT_MB = 64
# The program itself, whose buffers the limit is of.
MEMORY_BESIDE_MB = 32

# Short times, so that a chapter of a few seconds sees a breaker open and close; long enough for a busy machine.
CONFIG = """keyway:
  workers: {workers}
  pacing: {pacing}
  drain_timeout: 5000
  memory_limit: {memory_mb}mb
  client_in_flight_max: {client_in_flight}
endurance:
  listen: 127.0.0.1:{port}
  hash: md5
  distribution: ketama
  preconnect: true
  timeout: 1500
  server_connections: {connections}
  tombstones_max: {tombstones}
  reconnect_backoff_max: 200
  hedge_reads: {hedges}
  breaker_open: 100
  breaker_open_max: 400
  breaker_trickle: 200
  health_check_interval: 500
  servers:
{servers}"""


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG.


# To the kernel, a parent is the thread that started a process: this one lasts as long as the judge.
_PARENT = ThreadPoolExecutor(1)


def _start(words: list[str], log: Path) -> subprocess.Popen:
    with open(log, "ab") as output:
        return _PARENT.submit(subprocess.Popen, words, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                              preexec_fn=_die_with_parent).result()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One shard. `is_cache`: it forgets everything when it ends."""

    def __init__(self, program: str, folder: Path, index: int, persists: bool):
        self.name = f"shard{index}"
        self.is_cache = index == CACHE
        self.path = str(folder / f"{self.name}.sock")
        data = folder / self.name
        data.mkdir()
        keeps = ["--appendonly", "yes", "--appendfsync", "always"] if persists and not self.is_cache else []
        self._words = [program, "--port", "0", "--unixsocket", self.path, "--save", "", "--dir", str(data),
                       "--loglevel", "warning", "--enable-debug-command", "local", *keeps]
        self._log = folder / f"{self.name}.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Returns when it answers, with all data loaded."""
        self.process = _start(self._words, self._log)
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise NotThere(f"{self.name} ended: {self._log.read_text(errors='replace')[-2000:]}")
            try:
                if self.ask("PING") == ("+", b"PONG"):
                    return
            except (OSError, Closed, Stuck):
                pass
            time.sleep(0.005)
        raise NotThere(f"{self.name} does not answer within {WAIT_S:g} s")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, *words: bytes | str) -> object:
        connection = Direct(self.path, WAIT_S)
        try:
            return connection.command(*words)
        finally:
            connection.close()

    def forget(self) -> None:
        """The keys of a chapter that is over, also from its log."""
        self.ask("FLUSHALL")
        self.ask("BGREWRITEAOF")


class Keyway:
    """One process of it. What a second one is configured for differs, where that changes no promise."""

    def __init__(self, program: str, folder: Path, number: int, wire_ports: list[int], source: random.Random):
        self.worker_count = source.randint(1, 3)
        servers = "".join(f"    - 127.0.0.1:{wire}:1 shard{index}\n" for index, wire in enumerate(wire_ports))
        self.connection_count = source.randint(1, 2)
        self.start(program, folder, number, CONFIG.format(
            workers=self.worker_count, pacing=source.choice(["auto", "off"]), port=free_port(), servers=servers,
            client_in_flight=source.choice([4, 4096]), connections=self.connection_count,
            tombstones=source.choice([3, 1024]), memory_mb=MEMORY_LIMIT_MB,
            hedges=source.choice(["true", "false"])))

    def start(self, program: str, folder: Path, number: int, config: str) -> None:
        """Returns when it is ready."""
        self.program = program
        self.log = folder / f"keyway{number}.log"
        self.config = folder / f"keyway{number}.yml"
        self.config.write_text(config)
        # Of descriptors: at its first rest, and at its last one.
        self.rest_counts: list[int] = []
        self.process = _start([program, "-c", str(self.config)], self.log)
        self.port = self._wait()

    def _wait(self) -> int:
        """Until it is ready. Returns: where it listens."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise NotThere(f"keyway ended: {self.last_words()}")
            if listening := re.search(r"listens on 127\.0\.0\.1:(\d+)", self.log.read_text(errors="replace")):
                return int(listening[1])
            time.sleep(0.01)
        raise NotThere(f"keyway is not ready within {WAIT_S:g} s: {self.last_words()}")

    def place(self, keys: list[bytes]) -> dict[bytes, int]:
        """The shard of each key, by Keyway's own word."""
        text = b"".join(key + b"\n" for key in keys)
        lines = subprocess.run([self.program, "route", "-c", str(self.config)], input=text, capture_output=True,
                               check=True).stdout.splitlines()
        return {key: int(line.split()[-1].removeprefix(b"shard")) for key, line in zip(keys, lines, strict=True)}

    @property
    def line_count(self) -> int:
        """Of connections to servers, when nothing is asked."""
        return self.worker_count * self.connection_count * SHARD_COUNT

    def count_descriptors(self) -> None:
        """Of a Keyway at rest. Waits until they are no more than at its first rest."""
        folder = f"/proc/{self.process.pid}/fd"
        end = time.monotonic() + WAIT_S
        if not self.rest_counts:
            # The connections of those who have just asked are closed within this time.
            time.sleep(0.5)
            self.rest_counts = [len(os.listdir(folder))] * 2
        while (count := len(os.listdir(folder))) > self.rest_counts[0] and time.monotonic() < end:
            time.sleep(0.05)
        self.rest_counts[1] = count

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


class Fleet:
    """Starts everything but the wires; `close` ends it."""

    shard_count = SHARD_COUNT
    keyway_type = Keyway

    def __init__(self, server: str, keyway: str, persists: bool):
        memory = Path("/dev/shm")
        # A log that is written to memory is as safe from kill -9, and no slow disk looks like a slow server.
        roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
        self.folder = Path(tempfile.mkdtemp(prefix="keyway-endurance-", dir=memory if roomy else None))
        self.keyway_program = keyway
        self.keyways: list[Keyway] = []
        self._started_count = 0
        self.servers = [Server(server, self.folder, index, persists) for index in range(self.shard_count)]
        try:
            for one in self.servers:
                one.start()
        except BaseException:
            self.close()
            raise

    @property
    def keyway(self) -> Keyway:
        return self.keyways[-1]

    def start_keyway(self, wire_ports: list[int], source: random.Random) -> Keyway:
        self._started_count += 1
        self.keyways.append(self.keyway_type(self.keyway_program, self.folder, self._started_count, wire_ports, source))
        return self.keyway

    def ask_keyway(self, *words: bytes) -> object:
        return self.ask(self.keyway, *words)

    def ask(self, keyway: Keyway, *words: bytes) -> object:
        connection = Connection(keyway.port, WAIT_S)
        try:
            connection.send(encode(list(words)))
            return connection.reply()
        finally:
            connection.close()

    def close(self) -> None:
        processes = [one.process for one in [*self.keyways, *self.servers] if one.process is not None]
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
