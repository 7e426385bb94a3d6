"""Study `isolation`: what a frozen server costs the requests of the others.

An open loop asks for keys of three servers, another one for keys of the fourth, which is stopped
(SIGSTOP) for the middle third of the run. A third loop sends pipelines that ask all four: they wait
for the frozen server, but no longer than the proxy's timeout, which is one second. All requests go
through the same proxy.
"""

import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import machine, peers, pinning, programs, resp, tables
from .fleet import Fleet
from .peers import Target
from .rounds import say
from .study import Study

NAMES = ("keyway", "twemproxy", "predixy", "envoy")
PHASES = ("before", "during", "after")
TIMEOUT_MS = 1_000
# Of each phase. What is counted is whole steps inside of it; a step that has a change is left out.
PHASE_STEPS = 4
STEP_S = 1.0
WARMUP_S = 0.5
HEALTHY_RATE = 5_000
FROZEN_RATE = 1_000
MIXED_RATE = 400
MIXED_PIPELINE = 8
CLIENT_COUNT = 50
PROBE_COUNT = 64


@dataclass(frozen=True)
class Isolation:
    """One run: the keys of healthy servers, and the pipelines that ask all, in each phase."""

    pin: str
    target: str
    round: int
    p50_us: dict[str, float]
    p99_us: dict[str, float]
    highest_us: dict[str, float]
    pipeline_us: dict[str, float]
    requests: int
    errors: int
    foreign: float


def run(study: Study) -> None:
    names = [name for name in peers.available(study.peer_names) if name in NAMES]
    rows: list[Isolation] = []
    with study.fleet() as fleet:
        targets = [peers.start(name, fleet, TIMEOUT_MS) for name in names]
        keys = {target.name: _keys_by_shard(fleet, target) for target in targets}
        for mode in study.modes:
            for index in range(study.plan.rounds):
                for target in targets:
                    rows.append(_measure(study, fleet, target, keys[target.name], mode, index))
                    lines = [json.dumps(asdict(row)) + "\n" for row in rows]
                    study.rows_path("isolation").write_text("".join(lines))
                say(f"isolation {mode} round {index}: done")
    publish(study)


def _keys_by_shard(fleet: Fleet, target: Target) -> list[list[str]]:
    """Which keys a proxy gives to which server, however it places them: the values tell."""
    keys = [f"probe:{index}" for index in range(PROBE_COUNT)]
    for shard, port in enumerate(fleet.shard_ports):
        for key in keys:
            resp.call(port, "SET", key, str(shard))
    found: list[list[str]] = [[] for _ in fleet.shard_ports]
    for key in keys:
        answer = resp.call(target.port, "GET", key)
        if not isinstance(answer, bytes):
            raise SystemExit(f"{target.name} answers GET {key}: {answer!r}")
        found[int(answer)].append(key)
    return found


def _load(target: Target, keys: Sequence[str], rate: int, *more: str) -> list[str]:
    seconds = len(PHASES) * PHASE_STEPS * STEP_S
    commands = [word for key in keys for word in ("--command", f"GET {key}")]
    return [
        programs.need("KEYWAY_BENCH"),
        *("-h", "127.0.0.1", "-p", str(target.port), "-c", str(CLIENT_COUNT)),
        *("--rate", str(rate), "--warmup", f"{WARMUP_S}s", "--duration", f"{seconds}s"),
        *("-q", *more, *commands),
    ]


def _measure(
    study: Study, fleet: Fleet, target: Target, keys: list[list[str]], mode: str, index: int
) -> Isolation:
    cpus = pinning.place(target, mode)
    frozen = fleet.shard_pids[-1]
    pids = [target.pid, *fleet.shard_pids]
    results = [study.output / f"isolation.{name}.json" for name in ("healthy", "mixed")]
    reports = []
    for result in results:
        result.unlink(missing_ok=True)
        reports.append(("--interval-ms", str(round(STEP_S * 1e3)), "--json", str(result)))
    healthy = [key for shard in keys[:-1] for key in shard]
    mixed = [key for shard in keys for key in shard[:MIXED_PIPELINE // len(keys)]]
    cpu_before_ns, children_before = machine.cpu_ns_of(pids), os.times()
    time_before = machine.MachineTime()
    loads = [
        _start(_load(target, healthy, HEALTHY_RATE, *reports[0]), cpus),
        _start(_load(target, keys[-1], FROZEN_RATE), cpus),
        _start(_load(target, mixed, MIXED_RATE, "-P", str(MIXED_PIPELINE), *reports[1]), cpus),
    ]
    # The change falls into the middle of a step.
    time.sleep(WARMUP_S + (PHASE_STEPS + 0.5) * STEP_S)
    os.kill(frozen, signal.SIGSTOP)
    try:
        time.sleep(PHASE_STEPS * STEP_S)
    finally:
        os.kill(frozen, signal.SIGCONT)
    for process in loads:
        process.wait(60)
    children, now = os.times(), machine.MachineTime()
    own_s = (machine.cpu_ns_of(pids) - cpu_before_ns) / 1e9 + sum(
        getattr(children, name) - getattr(children_before, name)
        for name in ("user", "system", "children_user", "children_system")
    )
    phase, pipelines = (json.loads(result.read_text())["phases"][0] for result in results)
    return Isolation(
        pin=mode,
        target=target.name,
        round=index,
        p50_us=_by_phase(phase, "p50_ns"),
        p99_us=_by_phase(phase, "p99_ns"),
        highest_us=_by_phase(phase, "highest_ns"),
        pipeline_us=_highest_by_phase(pipelines),
        requests=phase["request_count"],
        errors=phase["error_count"],
        foreign=max(0.0, now.busy_s - time_before.busy_s - own_s)
        / max(0.01, now.total_s - time_before.total_s),
    )


def _start(command: list[str], cpus: set[int] | None) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(  # pylint: disable=consider-using-with
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    machine.pin(process.pid, cpus)
    return process


def _by_phase(phase: dict[str, Any], figure: str) -> dict[str, float]:
    """Medians over the whole steps of each phase; steps in which the server stops or goes on are
    left out. A step without an answer has no figure: it counts as its own length."""
    steps = [step.get(figure) or STEP_S * 1e9 for step in phase["timeline"]]
    found = {}
    for number, name in enumerate(PHASES):
        first = number * PHASE_STEPS + (1 if number else 0)
        found[name] = statistics.median(steps[first : (number + 1) * PHASE_STEPS]) / 1e3
    return found


def _highest_by_phase(phase: dict[str, Any]) -> dict[str, float]:
    """Over all steps of each phase, those with the changes too: what counts is the longest wait."""
    steps = [step.get("highest_ns") or 0 for step in phase["timeline"]]
    return {
        name: max(steps[number * PHASE_STEPS : (number + 1) * PHASE_STEPS] or [0]) / 1e3
        for number, name in enumerate(PHASES)
    }


def publish(study: Study) -> None:
    path = study.rows_path("isolation")
    if path.exists():
        rows = [Isolation(**json.loads(line)) for line in path.read_text().splitlines()]
        study.write("isolation.md", _page(study, rows))


def _page(study: Study, rows: Sequence[Isolation]) -> str:
    names = list(dict.fromkeys(row.target for row in rows))
    versions = {name: peers.version(name) for name in names}
    text = study.head("What a frozen server costs the others", "isolation", versions)
    text += f"{HEALTHY_RATE:,} GETs a second of keys of three servers, {FROZEN_RATE:,} of keys of "
    text += f"a fourth, which is stopped for {PHASE_STEPS * STEP_S:g} s in the middle; each from "
    text += f"{CLIENT_COUNT} clients, through one proxy with a timeout of {TIMEOUT_MS} ms; and {MIXED_RATE} a second in pipelines of "
    text += f"{MIXED_PIPELINE} that ask all four servers. Latency "
    text += "is that of the three servers' keys and counts from when a request was due. Medians of "
    text += f"steps of {STEP_S:g} s, then of {1 + max(row.round for row in rows)} rounds. "
    text += tables.noise(rows, study.plan.foreign_max)
    for mode in dict.fromkeys(row.pin for row in rows):
        here = [row for row in rows if row.pin == mode]
        for figure, label in (("p50_us", "p50"), ("p99_us", "p99"), ("highest_us", "highest")):
            text += f"\n## {mode}: {label} latency, us\n\n"
            text += tables.table(
                ["proxy", *PHASES, "during / before", "after / before"],
                [_line(here, name, figure) for name in names],
            )
        text += f"\n## {mode}: the longest wait in a pipeline that asks all four servers, us\n\n"
        text += tables.table(
            ["proxy", *PHASES, "during / before", "after / before"],
            [_line(here, name, "pipeline_us") for name in names],
        )
        errors = [
            [name, *(f"{sum(getattr(row, figure) for row in here if row.target == name):,}"
                     for figure in ("requests", "errors"))]
            for name in names
        ]
        text += f"\n## {mode}: requests of the three servers' keys, and errors among them\n\n"
        text += tables.table(["proxy", "requests", "errors"], errors)
    return text


def _line(rows: Sequence[Isolation], name: str, figure: str) -> list[str]:
    of_target = [getattr(row, figure) for row in rows if row.target == name]
    before, during, after = (
        statistics.median(values[phase] for values in of_target) for phase in PHASES
    )
    figures = [tables.number(value) for value in (before, during, after)]
    return [name, *figures, tables.ratio(during, before), tables.ratio(after, before)]
