"""The two sides: Keyway over four shards, and one server of the same version. All on unix sockets in a folder of their
own, without persistence. They end with the judge, however that ends."""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from .placement import SHARD_COUNT
from .resp import Closed, Connection, Stuck

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """keyway:
  workers: {workers}
differential:
  listen: {folder}/keyway.sock
  hash: md5
  hash_tag: "{{}}"
  distribution: modula
  timeout: 20000
  operator_commands: true
{more}  servers:
{servers}"""


class NotThere(Exception):
    """A program that the judge needs is missing; the text says what to do."""


def server_program(wanted: str) -> str:
    """Where the server of a version is, say `9.1` or `8`; a path is taken as it is."""
    if "/" in wanted:
        candidates = [wanted]
    else:
        tools = os.environ.get("KEYWAY_TOOLS", str(ROOT / ".tools"))
        candidates = [f"{tools}/valkey-9/valkey-server", shutil.which("valkey-server") or ""]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            words = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False).stdout
            if "/" in wanted or f" v={wanted}" in words:
                return candidate
    raise NotThere(f"no server of version {wanted} in {candidates}: `make setup` installs it")


def keyway_program() -> str:
    """The program that the environment names, or the newest one built here."""
    if given := os.environ.get("KEYWAY_BINARY"):
        return given
    built = [ROOT / ".build" / kind / "keyway" for kind in ("release", "debug")]
    there = [path for path in built if os.access(path, os.X_OK)]
    if not there:
        raise NotThere("no keyway program: `swift build -c release --product keyway`, or set KEYWAY_BINARY")
    return str(max(there, key=lambda path: path.stat().st_mtime))


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG.


class Fleet:
    """Starts everything; `close` ends it. Without a Keyway, a second server alone stands in for it and its shards."""

    def __init__(self, server: str, keyway: str | None, workers: int = 2, pool_lines: list[str] | None = None):
        self.folder = tempfile.mkdtemp(prefix="keyway-differential-")
        self.children: list[subprocess.Popen] = []
        self.server_path = f"{self.folder}/one.sock"
        self.shard_paths = [f"{self.folder}/shard{number}.sock" for number in range(SHARD_COUNT if keyway else 1)]
        self.keyway_path = f"{self.folder}/keyway.sock" if keyway else self.shard_paths[0]
        try:
            for path in [self.server_path, *self.shard_paths]:
                self._start([server, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
                             "--dir", self.folder, "--loglevel", "warning",
                             # How often timeouts of blocking commands are looked at; nobody waits 100 ms for 10.
                             "--hz", "500"])
            for path in [self.server_path, *self.shard_paths]:
                self._wait(path)
            if keyway is None:
                return
            servers = "".join(f"    - {path}:1 shard{number}\n" for number, path in enumerate(self.shard_paths))
            more = "".join(f"  {line}\n" for line in pool_lines or [])
            config = CONFIG.format(workers=workers, folder=self.folder, servers=servers, more=more)
            Path(self.folder, "keyway.yml").write_text(config)
            self._start([keyway, "-c", f"{self.folder}/keyway.yml"])
            self._wait(self.keyway_path)
        except BaseException:
            self.close()
            raise

    def _start(self, words: list[str]) -> None:
        with open(f"{self.folder}/log{len(self.children)}", "wb") as log:
            self.children.append(
                subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 preexec_fn=_die_with_parent))

    def _wait(self, path: str) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for number, child in enumerate(self.children):
                if child.poll() is not None:
                    raise NotThere(f"{child.args[0]} ended: {self.log(number)}")
            try:
                connection = Connection(path, 1)
                if connection.command("PING") == ("+", b"PONG"):
                    connection.close()
                    return
            except (OSError, Closed, Stuck):
                time.sleep(0.02)
        raise NotThere(f"nobody answers at {path} within 20 s; {self.log(-1)}")

    def log(self, number: int) -> str:
        number %= len(self.children)
        return Path(self.folder, f"log{number}").read_text(errors="replace")[-3000:]

    def keyway_ended(self) -> str | None:
        """Its last words, when Keyway is no more."""
        status = self.children[-1].poll()
        return None if status is None else f"keyway ended with status {status}: {self.log(-1)}"

    def close(self) -> None:
        for child in self.children:
            child.kill()
        for child in self.children:
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
