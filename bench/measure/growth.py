"""Study `growth`: how Keyway's cost and latency follow what there is more of. Nothing may grow
faster than its cause, and cost per request must not depend on what does nothing: idle clients,
other pools, other shards' connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Optional

from . import peers, plots, resp, tables
from .fleet import FIRST_KEY, Fleet
from .peers import Target
from .rounds import Recorder, Row, median, say
from .study import Study
from .workloads import Workload, sized, space_for

Prepared = tuple[Target, Workload]
DIRECT = "direct"
GET = Workload("get-p16", "get", pipeline=16)


@dataclass(frozen=True)
class Sweep:
    """One thing that grows. `prepare` gives the target and the workload for a value of it."""

    name: str
    title: str
    label: str
    values: Sequence[int]
    prepare: Callable[[Fleet, Target, int], Prepared]
    is_x_log: bool = True
    # Whether a server without a proxy is measured beside it: what grows there is not Keyway's doing.
    has_direct: bool = False
    # Where things run, when it is not as in the other sweeps.
    modes: Optional[Sequence[str]] = None


def _shards(fleet: Fleet, _: Target, count: int) -> Prepared:
    # More entries than servers: each entry has a connection of its own, which is what more shards
    # cost a proxy.
    ports = [fleet.shard_ports[index % len(fleet.shard_ports)] for index in range(count)]
    return peers.start_keyway(fleet, f"keyway-shards-{count}", shard_ports=ports), GET


def _pools(fleet: Fleet, _: Target, count: int) -> Prepared:
    return peers.start_keyway(fleet, f"keyway-pools-{count}", pools=count), GET


def _workers(fleet: Fleet, _: Target, count: int) -> Prepared:
    return peers.start_keyway(fleet, f"keyway-workers-{count}", workers=count), GET


def _clients(_: Fleet, target: Target, count: int) -> Prepared:
    return target, Workload("get-p1", "get", clients=count)


def _pipeline(_: Fleet, target: Target, depth: int) -> Prepared:
    return target, Workload("get", "get", pipeline=depth)


def _get_size(fleet: Fleet, target: Target, value_bytes: int) -> Prepared:
    fleet.fill(space_for(value_bytes))
    return target, sized("get", "get", value_bytes, 10 if value_bytes > 1 << 20 else 50)


def _set_size(fleet: Fleet, target: Target, value_bytes: int) -> Prepared:
    target, workload = _get_size(fleet, target, value_bytes)
    return target, workload.changed(name="set", command="set")


def _mget_width(_: Fleet, target: Target, width: int) -> Prepared:
    return target, Workload("mget", "mget", clients=20, keys_per_command=width)


def _idle(fleet: Fleet, _: Target, count: int) -> Prepared:
    return peers.start_keyway(fleet, f"keyway-idle-{count}"), GET


SIZES = [1 << power for power in range(0, 25, 3)]
PLOTTED = (("total_us", "CPU us per request"), ("p99_us", "p99 latency, us"))
# A plot of fewer points says less than the table.
LEAST_POINTS = 3
# The highest value over the lowest, from which on an axis is logarithmic.
LOG_FROM = 20
SWEEPS = (
    Sweep("shards", "More shards", "shards", (1, 2, 4, 10, 30, 100), _shards),
    Sweep(
        "clients",
        "More clients, each with one request at a time",
        "clients",
        (1, 10, 50, 200, 1_000, 3_000, 10_000),
        _clients,
        has_direct=True,
    ),
    Sweep(
        "pipeline",
        "Longer pipelines",
        "requests in a pipeline",
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        _pipeline,
        has_direct=True,
    ),
    Sweep(
        "value-size-get",
        "Longer values, GET",
        "bytes in a value",
        SIZES,
        _get_size,
        has_direct=True,
    ),
    Sweep(
        "value-size-set",
        "Longer values, SET",
        "bytes in a value",
        SIZES,
        _set_size,
        has_direct=True,
    ),
    Sweep(
        "mget-width",
        "More keys in an MGET",
        "keys in an MGET",
        (1, 3, 10, 30, 100, 300, 1_000),
        _mget_width,
        has_direct=True,
    ),
    Sweep("pools", "More pools, one of them in use", "pools", (1, 3, 10, 30, 100), _pools),
    # Pinned to one CPU a second worker could not help.
    Sweep("workers", "More workers", "workers", (1, 2), _workers, is_x_log=False, modes=("free",)),
    Sweep(
        "idle-clients",
        "More clients that do nothing, beside the 50",
        "idle clients",
        (0, 100, 1_000, 3_000, 9_000),
        _idle,
        is_x_log=False,
    ),
)
PARTS = [sweep.name for sweep in SWEEPS]


def run(study: Study) -> None:
    with study.fleet() as fleet:
        recorder = study.recorder("growth", fleet)
        plain = peers.start_keyway(fleet, "keyway")
        for sweep in SWEEPS:
            if not study.wants(sweep.name):
                continue
            for mode in sweep.modes or study.modes:
                _sweep(sweep, mode, fleet, plain, recorder)
            say(f"growth {sweep.name}: done")
    publish(study)


def publish(study: Study) -> None:
    rows = study.rows("growth")
    if rows:
        study.write("growth.md", _page(study, rows))


def _sweep(sweep: Sweep, mode: str, fleet: Fleet, plain: Target, recorder: Recorder) -> None:
    idle: list[resp.Connection] = []
    direct = [peers.start(DIRECT, fleet)] if sweep.has_direct else []
    prepared = {value: sweep.prepare(fleet, plain, value) for value in sweep.values}
    try:
        if sweep.prepare is _idle:
            for count, (target, _) in prepared.items():
                idle += _idle_clients(target.port, count)
        # Rounds outside, so that all values of a sweep see the same moods of the machine.
        for round_index in range(recorder.plan.rounds):
            for value, (target, workload) in prepared.items():
                named = workload.changed(name=f"{sweep.name}={value}")
                for each in [target, *direct]:
                    recorder.take(sweep.name, mode, named, each, round_index, x=value)
    finally:
        for client in idle:
            client.close()
        for target, _ in prepared.values():
            if target.name != plain.name:
                fleet.processes.stop(target.name)


def _idle_clients(port: int, count: int) -> list[resp.Connection]:
    clients: list[resp.Connection] = []
    while len(clients) < count:
        clients.append(resp.Connection(port))
        # Answered: all before it are accepted.
        if len(clients) % 200 == 0:
            clients[-1].call("GET", FIRST_KEY)
    return clients


def _page(study: Study, all_rows: Sequence[Row]) -> str:
    text = study.head("How cost grows", "growth", {"keyway": peers.version("keyway")})
    text += "GET with pipelines of 16 over 50 clients, unless the thing that grows says otherwise. "
    text += (
        "CPU is that of proxy and servers, per request; `direct` is one server without a proxy, "
    )
    text += "on CPU 0. " + study.measured(all_rows) + study.failed("growth")
    for sweep in SWEEPS:
        rows = [row for row in all_rows if row.study == sweep.name]
        if not rows:
            continue
        text += f"\n## {sweep.title}\n"
        modes = [mode for mode in sweep.modes or study.modes if mode in {row.pin for row in rows}]
        for mode in modes:
            text += f"\n`{mode}`\n\n" + _table(sweep, [row for row in rows if row.pin == mode])
        if len(sweep.values) < LEAST_POINTS:
            continue
        text += "\n"
        for figure, label in PLOTTED:
            file = f"growth-{sweep.name}-{figure.split('_', maxsplit=1)[0]}.svg"
            study.write(file, _plot(sweep, rows, figure, label, modes))
            text += f"![{label} against {sweep.label}]({file})\n"
    return text


def _at(rows: Sequence[Row], value: int, is_direct: bool) -> list[Row]:
    return [row for row in rows if row.x == value and (row.target == DIRECT) == is_direct]


def _table(sweep: Sweep, rows: Sequence[Row]) -> str:
    lines = []
    for value in sweep.values:
        at, beside = _at(rows, value, False), _at(rows, value, True)
        if not at:
            continue
        figures = ("total_us", "proxy_us", "rate_per_s", "p50_us", "p99_us")
        cells = [f"{value:,}", *(tables.number(median(at, figure)) for figure in figures)]
        if sweep.has_direct:
            cells += [tables.number(median(beside, name)) for name in ("total_us", "p99_us")]
        lines.append(cells)
    header = [sweep.label, "CPU us", "of it proxy", "requests/s", "p50 us", "p99 us"]
    if sweep.has_direct:
        header += ["direct: CPU us", "p99 us"]
    return tables.table(header, lines)


def _plot(sweep: Sweep, rows: Sequence[Row], figure: str, label: str, modes: Sequence[str]) -> str:
    sets = [(mode, [row for row in rows if row.pin == mode], False) for mode in modes]
    if sweep.has_direct:
        sets.append((DIRECT, [row for row in rows if row.pin == modes[0]], True))
    series = []
    for name, own, is_direct in sets:
        points = []
        for value in sweep.values:
            middle = median(_at(own, value, is_direct), figure)
            if middle is not None:
                points.append((float(value), middle))
        series.append(plots.Series(name, points))
    highest = max((y for line in series for _, y in line.points), default=1.0)
    lowest = min((y for line in series for _, y in line.points), default=1.0)
    title = f"{label}: {sweep.title}"
    is_y_log = highest > LOG_FROM * max(lowest, 0.001)
    return plots.plot(title, sweep.label, label, series, sweep.is_x_log, is_y_log)
