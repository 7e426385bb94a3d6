"""Study `memory`: resident memory at start, per idle client, per client that has asked once, and
after a burst."""

import json
import time
from dataclasses import asdict, dataclass

from . import machine, peers, resp, tables
from .fleet import FIRST_KEY, Fleet
from .peers import Target
from .rounds import say
from .study import Study
from .workloads import space_for

CLIENT_COUNT = 10_000
# haproxy holds two descriptors for a client.
CLIENT_COUNT_OF = {"haproxy": 8_000}
CONNECT_BATCH = 200
# Proxies give memory back after a while, not at once.
SETTLE_S = 5.0
BURST_SIZES = ((1 << 16, "64 KiB"), (1 << 20, "1 MiB"))


@dataclass(frozen=True)
class Sizes:
    target: str
    clients: int
    start_bytes: int
    per_idle_client: float
    per_used_client: float
    before_burst_bytes: int
    after_bursts_bytes: list[int]


def run(study: Study) -> None:
    names = [name for name in peers.available(study.peer_names) if name not in ("direct", "floor")]
    with study.fleet() as fleet:
        for value_bytes, _ in BURST_SIZES:
            fleet.fill(space_for(value_bytes))
        results = {sizes.target: sizes for sizes in _rows(study)} if study.keep else {}
        for name in names:
            results[name] = _measure(name, fleet)
            lines = [json.dumps(asdict(sizes)) + "\n" for sizes in results.values()]
            study.rows_path("memory").write_text("".join(lines))
            say(f"memory {name}: done")
    publish(study)


def publish(study: Study) -> None:
    results = sorted(_rows(study), key=lambda sizes: peers.NAMES.index(sizes.target))
    if results:
        study.write("memory.md", _page(study, results))
        study.write_into("README.md", "memory", _table(results))


def _rows(study: Study) -> list[Sizes]:
    path = study.rows_path("memory")
    lines = path.read_text().splitlines() if path.exists() else []
    return [Sizes(**json.loads(line)) for line in lines]


def _measure(name: str, fleet: Fleet) -> Sizes:
    count = CLIENT_COUNT_OF.get(name, CLIENT_COUNT)
    target = peers.start(name, fleet)
    start = machine.resident_bytes(target.pid)
    _get(target, 200)  # Code that runs for the first time becomes resident, too.
    before = machine.resident_bytes(target.pid)
    clients: list[resp.Connection] = []
    try:
        for index in range(count):
            clients.append(resp.Connection(target.port))
            if index % CONNECT_BATCH == CONNECT_BATCH - 1:
                clients[-1].call("GET", FIRST_KEY)  # Answered: all before it are accepted.
        idle = _settled(target) - before
        for client in clients:
            client.call("GET", FIRST_KEY)
        used = _settled(target) - before
    finally:
        for client in clients:
            client.close()
    before_burst = _settled(target)
    after = [_burst(target, value_bytes) for value_bytes, _ in BURST_SIZES]
    fleet.processes.stop(name)
    return Sizes(name, count, start, idle / count, used / count, before_burst, after)


def _get(target: Target, count: int) -> None:
    with resp.Connection(target.port) as connection:
        for _ in range(count):
            connection.call("GET", FIRST_KEY)


def _settled(target: Target) -> int:
    """The least size within some seconds."""
    least = machine.resident_bytes(target.pid)
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        time.sleep(0.25)
        least = min(least, machine.resident_bytes(target.pid))
    return least


def _burst(target: Target, value_bytes: int) -> int:
    """40 clients read and write values at once; the size after that."""
    clients = [resp.Connection(target.port, 60) for _ in range(40)]
    prefix = space_for(value_bytes).prefix
    requests = (
        resp.encode("SET", f"{prefix}{0:012d}", b"v" * value_bytes),
        resp.encode("GET", f"{prefix}{1:012d}"),
    )
    for _ in range(2):
        for request in requests:
            for client in clients:
                client.socket.sendall(request)
            for client in clients:
                client.reply()
    for client in clients:
        client.close()
    return _settled(target)


def _page(study: Study, results: list[Sizes]) -> str:
    versions = {sizes.target: peers.version(sizes.target) for sizes in results}
    text = study.head("Resident memory", "memory", versions)
    text += "One worker. The clients connect and stay idle; then each does one GET, and all leave; "
    text += "then 40 clients at once write and read values of the named size, and leave.\n\n"
    return text + _table(results)


def _table(results: list[Sizes]) -> str:
    megabyte = 1e6
    lines = [
        [
            sizes.target,
            f"{sizes.start_bytes / megabyte:.1f}",
            f"{sizes.clients:,}",
            f"{sizes.per_idle_client:,.0f}",
            f"{sizes.per_used_client:,.0f}",
            f"{sizes.before_burst_bytes / megabyte:.1f}",
            *(f"{size / megabyte:.1f}" for size in sizes.after_bursts_bytes),
        ]
        for sizes in results
    ]
    header = [
        "proxy",
        "MB at start",
        "clients",
        "bytes per idle client",
        "after one GET each",
        "MB before a burst",
        *(f"MB after one of {label}" for _, label in BURST_SIZES),
    ]
    return tables.table(header, lines)
