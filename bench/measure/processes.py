"""Processes of one measurement: started with their output in files, found ready, and ended by
their own ids."""

import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from . import resp


class StartFailure(Exception):
    """A program did not come up; the text has the end of what it said."""


class Processes:
    """Ends everything that it has started when the `with` block ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.stop(name)

    def start(self, name: str, command: Sequence[str], port: int) -> int:
        """Starts a program and waits until its port takes connections.

        Returns: its process id.
        """
        if _is_open(port):
            raise SystemExit(f"port {port} is taken; choose others with --base-port")
        with open(self._log(name), "wb") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                list(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        self._running[name] = process
        deadline = time.monotonic() + 20
        while not _is_open(port):
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop(name)
                raise StartFailure(f"{name} did not open port {port}:\n{self.output(name)[-800:]}")
            time.sleep(0.05)
        return process.pid

    def stop(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def has_ended(self, name: str) -> bool:
        process = self._running.get(name)
        return process is None or process.poll() is not None

    def pid(self, name: str) -> Optional[int]:
        process = self._running.get(name)
        return process.pid if process else None

    def names(self) -> list[str]:
        return list(self._running)

    def output(self, name: str) -> str:
        return self._log(name).read_text(errors="replace")

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait_for_key(port: int, key: str, timeout_s: float = 20) -> None:
    """Returns once a GET of a key that exists answers with its value."""
    deadline = time.monotonic() + timeout_s
    answer: object = None
    while time.monotonic() < deadline:
        try:
            answer = resp.call(port, "GET", key, timeout_s=2)
            if isinstance(answer, bytes):
                return
        except (OSError, ValueError) as error:
            answer = error
        time.sleep(0.1)
    raise StartFailure(f"port {port} does not answer GET {key}: {answer!r}")
