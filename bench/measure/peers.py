"""The proxies that are compared: how each is configured and started, with one worker and one
connection per shard.

A peer that is not on the machine is left out, and that is said. `direct` is one server without a
proxy; `floor` is our own least multiplexer (bench/floor/mux.c), which has no features: about what
the kernel alone costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Callable, Optional

from . import programs
from .fleet import FIRST_KEY, Fleet
from .processes import wait_for_key

# After which a request fails, in every proxy that knows such a limit.
TIMEOUT_MS = 10_000
TEMPLATES = Path(__file__).resolve().parent / "templates"


@dataclass(frozen=True)
class Target:
    """Something that runs and takes requests."""

    name: str
    port: int
    pid: int
    # The servers that work for it; empty for the direct one, which is its own.
    backend_pids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Peer:
    """How a proxy is found and started. `server` is its line for a shard, of `index` and `port`."""

    name: str
    program: str
    template: Optional[str]
    server: str
    command: Callable[[str, Path, int, int, Sequence[int]], list[str]]
    # Workloads that it cannot do, by the beginning of their names.
    lacks: Sequence[str] = ()


def _render(template: str, **values: object) -> str:
    return Template((TEMPLATES / template).read_text()).substitute(values)


def keyway_config(
    ports: Sequence[int],
    shard_ports: Sequence[int],
    workers: int = 1,
    pacing: str = "auto",
    timeout_ms: int = TIMEOUT_MS,
    more: str = "",
) -> str:
    """One pool for each of `ports`; all have the same servers. `more`: further lines of each."""
    servers = "\n".join(
        f"    - 127.0.0.1:{port}:1 s{index}" for index, port in enumerate(shard_ports)
    )
    pools = [
        _render(
            "keyway-pool.yml", index=index, port=port, servers=servers, timeout_ms=timeout_ms
        )
        + more
        for index, port in enumerate(ports)
    ]
    return _render("keyway.yml", workers=workers, pacing=pacing, pools="\n".join(pools))


_ENVOY_SERVER = (
    "        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $port}}}"
)
_YAML_SERVER = "    - 127.0.0.1:$port:1 s$index"
PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            "keyway",
            "KEYWAY",
            "keyway.yml",
            _YAML_SERVER,
            lambda program, config, *_: [program, "-c", str(config)],
        ),
        Peer(
            "twemproxy",
            "TWEMPROXY",
            "twemproxy.yml",
            _YAML_SERVER,
            lambda program, config, _, spare, __: [
                program,
                "-c",
                str(config),
                "-v",
                "0",
                "-a",
                "127.0.0.1",
                "-s",
                str(spare),
            ],
        ),
        Peer(
            "envoy",
            "ENVOY",
            "envoy.yaml",
            _ENVOY_SERVER,
            lambda program, config, *_: [
                program,
                "-c",
                str(config),
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "-l",
                "error",
            ],
        ),
        Peer(
            "predixy",
            "PREDIXY",
            "predixy.conf",
            "    Group s$index {\n        + 127.0.0.1:$port\n    }",
            lambda program, config, *_: [program, str(config)],
        ),
        Peer(
            "haproxy",
            "HAPROXY",
            "haproxy.cfg",
            "    server s$index 127.0.0.1:$port",
            lambda program, config, *_: [program, "-f", str(config), "-db"],
        ),
        Peer(
            "floor",
            "CC",
            None,
            "",
            lambda program, _, port, __, shards: (
                [program, str(port)] + [str(shard) for shard in shards]
            ),
            lacks=("mget",),
        ),
    )
}
NAMES = ["direct"] + list(PEERS)


def available(names: Sequence[str]) -> list[str]:
    """Those of the names that are on this machine."""
    return [name for name in names if name == "direct" or programs.find(PEERS[name].program)]


def lacks(name: str, workload: str) -> bool:
    return name in PEERS and any(workload.startswith(word) for word in PEERS[name].lacks)


def version(name: str) -> str:
    """What the program says of itself; nothing for our own floor, and where it is not at hand."""
    program = programs.find("VALKEY" if name == "direct" else PEERS[name].program)
    return programs.version(program) if program and name != "floor" else ""


def start(name: str, fleet: Fleet, timeout_ms: int = TIMEOUT_MS) -> Target:
    """Starts a peer in front of the fleet and waits until it answers."""
    if name == "direct":
        return Target(name, fleet.direct_port, fleet.direct_pid)
    peer = PEERS[name]
    port = fleet.new_ports(2)
    folder = fleet.processes.folder
    config = folder / f"{name}{Path(peer.template).suffix if peer.template else ''}"
    if name == "keyway":
        config.write_text(keyway_config([port], fleet.shard_ports, timeout_ms=timeout_ms))
    elif peer.template:
        lines = [
            Template(peer.server).substitute(index=index, port=shard)
            for index, shard in enumerate(fleet.shard_ports)
        ]
        values = {"port": port, "servers": "\n".join(lines)}
        times = {"timeout_ms": timeout_ms, "timeout_s": f"{timeout_ms / 1e3:g}"}
        config.write_text(_render(peer.template, **values, **times))
    program = programs.compiled("mux", folder) if name == "floor" else programs.need(peer.program)
    pid = fleet.processes.start(
        name, peer.command(program, config, port, port + 1, fleet.shard_ports), port
    )
    wait_for_key(port, FIRST_KEY)
    return Target(name, port, pid, fleet.shard_pids)


def start_keyway(
    fleet: Fleet,
    name: str,
    shard_ports: Optional[Sequence[int]] = None,
    pools: int = 1,
    workers: int = 1,
    pacing: str = "auto",
    more: str = "",
) -> Target:
    """Keyway in a form of its own, for studies of it alone. Its port is that of its last pool."""
    ports = range(fleet.new_ports(pools), fleet.next_port)
    config = fleet.processes.folder / f"{name}.yml"
    config.write_text(
        keyway_config(ports, shard_ports or fleet.shard_ports, workers, pacing, more=more)
    )
    program = programs.need("KEYWAY")
    pid = fleet.processes.start(name, [program, "-c", str(config)], ports[-1])
    wait_for_key(ports[-1], FIRST_KEY)
    return Target(name, ports[-1], pid, fleet.shard_pids)
