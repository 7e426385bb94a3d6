"""Study `growth`: how Keyway's cost and latency follow what there is more of. Nothing may grow
faster than its cause, and cost per request must not depend on what does nothing: idle clients,
other pools, other shards' connections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable, Optional

from . import peers, plots, programs, resp, tables
from .fleet import FIRST_KEY, Fleet
from .peers import Target
from .rounds import Recorder, Row, median, say
from .study import Study
from .workloads import Workload, sized, space_for

Prepared = tuple[Target, Workload]
GET = Workload("get-p16", "get", pipeline=16)


@dataclass(frozen=True)
class Sweep:
    """One thing that grows. `prepare` gives the target and the workload for a value of it."""

    name: str
    label: str
    values: Sequence[int]
    prepare: Callable[[Fleet, Target, int], Prepared]
    is_x_log: bool = True
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


def _idle(_: Fleet, target: Target, __: int) -> Prepared:
    return target, GET


SIZES = [1 << power for power in range(0, 25, 3)]
SWEEPS = (
    Sweep("shards", "shards", (1, 2, 4, 10, 30, 100), _shards),
    Sweep(
        "clients",
        "clients, one request at a time each",
        (1, 10, 50, 200, 1_000, 3_000, 10_000),
        _clients,
    ),
    Sweep("pipeline", "requests in a pipeline", (1, 2, 4, 8, 16, 32, 64, 128, 256, 512), _pipeline),
    Sweep("value-size-get", "bytes in a value, GET", SIZES, _get_size),
    Sweep("value-size-set", "bytes in a value, SET", SIZES, _set_size),
    Sweep("mget-width", "keys in an MGET", (1, 3, 10, 30, 100, 300, 1_000), _mget_width),
    Sweep("pools", "pools, one of them in use", (1, 3, 10, 30, 100), _pools),
    # Pinned to one CPU a second worker could not help.
    Sweep("workers", "workers", (1, 2), _workers, is_x_log=False, modes=("free",)),
    Sweep("idle-clients", "idle clients", (0, 100, 1_000, 3_000, 9_000), _idle, is_x_log=False),
)


def run(study: Study) -> None:
    with study.fleet() as fleet:
        recorder = study.recorder("growth", fleet)
        plain = peers.start_keyway(fleet, "keyway")
        for sweep in SWEEPS:
            for mode in sweep.modes or study.modes:
                _sweep(sweep, mode, fleet, plain, recorder)
            say(f"growth {sweep.name}: done")
            study.write("growth.md", _page(study, recorder))


def _sweep(sweep: Sweep, mode: str, fleet: Fleet, plain: Target, recorder: Recorder) -> None:
    idle: list[resp.Connection] = []
    prepared: dict[int, Prepared] = {}
    try:
        if sweep.name != "idle-clients":
            prepared = {value: sweep.prepare(fleet, plain, value) for value in sweep.values}
        # Rounds outside, so that all values of a sweep see the same moods of the machine; idle
        # clients only add up.
        order = (
            [(index, value) for value in sweep.values for index in range(recorder.plan.rounds)]
            if not prepared
            else [(index, value) for index in range(recorder.plan.rounds) for value in sweep.values]
        )
        for round_index, value in order:
            if not prepared:
                _hold_idle(idle, plain.port, value)
            target, workload = prepared.get(value) or (plain, GET)
            named = workload.changed(name=f"{sweep.name}={value}")
            recorder.take(sweep.name, mode, named, target, round_index, x=value)
    finally:
        for client in idle:
            client.close()
        for target, _ in prepared.values():
            if target.name != plain.name:
                fleet.processes.stop(target.name)


def _hold_idle(idle: list[resp.Connection], port: int, count: int) -> None:
    while len(idle) < count:
        idle.append(resp.Connection(port))
        if len(idle) % 200 == 0:
            idle[-1].call("GET", FIRST_KEY)


def _page(study: Study, recorder: Recorder) -> str:
    text = study.head("How cost grows", {"keyway": programs.version(programs.need("KEYWAY"))})
    text += "GET with pipelines of 16 over 50 clients, unless the thing that grows says otherwise. "
    text += tables.noise(recorder.rows, study.plan.foreign_max)
    for sweep in SWEEPS:
        rows = [row for row in recorder.rows if row.study == sweep.name]
        if not rows:
            continue
        text += f"\n## {sweep.label}\n\n"
        for mode in sweep.modes or study.modes:
            text += f"`{mode}`\n\n" + _table(sweep, [row for row in rows if row.pin == mode]) + "\n"
        for figure, label in (("total_us", "CPU us per request"), ("p99_us", "p99 latency, us")):
            file = f"growth-{sweep.name}-{figure.split('_', maxsplit=1)[0]}.svg"
            study.write(file, _plot(sweep, rows, figure, label, sweep.modes or study.modes))
            text += f"![{label} against {sweep.label}]({file})\n"
    return text


def _table(sweep: Sweep, rows: Sequence[Row]) -> str:
    lines = []
    for value in sweep.values:
        at = [row for row in rows if row.x == value]
        figures = ("total_us", "proxy_us", "rate_per_s", "p50_us", "p99_us")
        lines.append([f"{value:,}", *(tables.number(median(at, figure)) for figure in figures)])
    header = [sweep.label, "CPU us", "of it proxy", "requests/s", "p50 us", "p99 us"]
    return tables.table(header, lines)


def _plot(sweep: Sweep, rows: Sequence[Row], figure: str, label: str, modes: Sequence[str]) -> str:
    series = []
    for mode in modes:
        points = []
        for value in sweep.values:
            middle = median([row for row in rows if row.pin == mode and row.x == value], figure)
            if middle is not None:
                points.append((float(value), middle))
        series.append(plots.Series(mode, points))
    highest = max((y for line in series for _, y in line.points), default=1.0)
    lowest = min((y for line in series for _, y in line.points), default=1.0)
    title = f"{label} against {sweep.label}"
    return plots.plot(
        title, sweep.label, label, series, sweep.is_x_log, highest > 20 * max(lowest, 0.001)
    )
