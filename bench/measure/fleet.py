"""The servers behind every proxy: four shards, and one more that is asked directly. All hold all
keys, so that it does not matter how a proxy places them."""

from pathlib import Path

from . import programs, resp
from .processes import Processes
from .workloads import VALUE_BYTES, KeySpace, space_for

SHARD_COUNT = 4


class Fleet:
    """Ports count up from `base_port`: the direct server, the shards, then the proxies."""

    def __init__(self, processes: Processes, base_port: int) -> None:
        self.processes = processes
        self.direct_port = base_port
        self.shard_ports = [base_port + 1 + index for index in range(SHARD_COUNT)]
        self.next_port = base_port + 1 + SHARD_COUNT
        self._filled: set[KeySpace] = set()
        server = programs.need("VALKEY")
        self.pids = [self._start(server, port) for port in [self.direct_port] + self.shard_ports]
        self.fill(space_for(VALUE_BYTES))

    @property
    def direct_pid(self) -> int:
        return self.pids[0]

    @property
    def shard_pids(self) -> list[int]:
        return self.pids[1:]

    def new_ports(self, count: int) -> int:
        """The first of `count` ports that nobody else gets."""
        first = self.next_port
        self.next_port += count
        return first

    def fill(self, space: KeySpace) -> None:
        if space in self._filled:
            return
        for port in [self.direct_port] + self.shard_ports:
            resp.fill(port, space.prefix, space.count, b"v" * space.value_bytes)
        self._filled.add(space)

    def _start(self, server: str, port: int) -> int:
        return self.processes.start(
            f"server-{port}", server_command(server, port, self.processes.folder), port
        )


def server_command(server: str, port: int, folder: Path) -> list[str]:
    return [
        server,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxclients",
        "19000",
        "--tcp-backlog",
        "4096",
        "--loglevel",
        "warning",
        "--dir",
        str(folder),
    ]


FIRST_KEY = f"key:{0:012d}"
