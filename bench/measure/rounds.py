"""Rounds: every target of a workload once, then again, so that a change of the machine's mood hits
all of them.

A measurement counts the CPU of the proxy and of its servers together: on loopback the kernel
charges part of one process's packet work to the other, so a proxy alone can look cheap by making
its servers work more. It also counts how much of the machine somebody else used meanwhile; above
the limit it is repeated, and the quietest one stays.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional, Union

from . import machine, pinning
from .load import Load, LoadFailure
from .peers import Target
from .workloads import Workload


@dataclass(frozen=True)
class Figures:
    """What one measurement found."""

    requests: int
    rate_per_s: float
    p50_us: float
    p99_us: float
    # CPU time per request.
    proxy_us: float
    backends_us: float
    # Of all servers' CPU time, the part of the one that used most; None where rows are older than this.
    hottest_share: Optional[float]
    # Share of the machine's time that went to processes which are not part of the measurement.
    foreign: float

    @property
    def total_us(self) -> float:
        return self.proxy_us + self.backends_us

    @property
    def hottest_percent(self) -> Optional[float]:
        return None if self.hottest_share is None else 100 * self.hottest_share


# Study, pin, workload and target.
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Failure:
    """What could not be measured, and why."""

    study: str
    pin: str
    workload: str
    target: str
    failure: str

    @property
    def key(self) -> Key:
        return (self.study, self.pin, self.workload, self.target)


@dataclass(frozen=True)
class Row(Figures):
    """Figures and what they are of; what the JSON lines hold."""

    study: str
    pin: str
    workload: str
    target: str
    round: int
    load: str
    duration_s: float
    # What a study varies, for the studies of growth and pacing.
    x: Optional[float] = None

    @property
    def key(self) -> Key:
        """What was measured; rows of all rounds share it."""
        return (self.study, self.pin, self.workload, self.target)


@dataclass(frozen=True)
class Plan:
    rounds: int
    duration_s: float
    retries: int
    foreign_max: float


def measure(
    load: Load, target: Target, workload: Workload, mode: str, duration_s: float
) -> Figures:
    cpus = pinning.place(target, mode)
    load.prepare(workload, target.port, cpus)
    pids = [target.pid] + target.backend_pids
    before = {pid: machine.cpu_ns(pid) for pid in pids}
    children_before, time_before = os.times(), machine.MachineTime()
    result = load.run(workload, target.port, duration_s, pids, cpus)
    children, now = os.times(), machine.MachineTime()
    around = {pid: machine.cpu_ns(pid) - before[pid] for pid in pids}
    inside = result.cpu_ns or around
    own_s = sum(around.values()) / 1e9 + sum(
        getattr(children, name) - getattr(children_before, name)
        for name in ("user", "system", "children_user", "children_system")
    )
    foreign_s = now.busy_s - time_before.busy_s - own_s
    each_ns = [inside.get(pid, 0) for pid in target.backend_pids]
    backends_ns = sum(each_ns)
    return Figures(
        requests=result.requests,
        rate_per_s=result.rate_per_s,
        p50_us=result.p50_us,
        p99_us=result.p99_us,
        proxy_us=inside.get(target.pid, 0) / 1e3 / result.requests,
        backends_us=backends_ns / 1e3 / result.requests,
        hottest_share=max(each_ns) / backends_ns if backends_ns else None,
        foreign=max(0.0, foreign_s) / max(0.01, now.total_s - time_before.total_s),
    )


def quietest(load: Load, target: Target, workload: Workload, mode: str, plan: Plan) -> Figures:
    """Measures again while somebody else uses too much of the machine."""
    best = measure(load, target, workload, mode, plan.duration_s)
    for _ in range(plan.retries):
        if best.foreign <= plan.foreign_max:
            break
        time.sleep(0.3)
        again = measure(load, target, workload, mode, plan.duration_s)
        best = min(best, again, key=lambda figures: figures.foreign)
    return best


class Recorder:
    """Measures, writes each row at once, and remembers all of them.

    With `keep` the rows of earlier runs stay, except of what is measured again.
    """

    def __init__(self, path: Path, load: Load, plan: Plan, keep: bool) -> None:
        self.path = path
        self.load = load
        self.plan = plan
        self.rows: list[Row] = read_rows(path) if keep else []
        # A target that fails once is not tried again there.
        self.failures: list[Failure] = read_failures(path) if keep else []
        self._failed: set[Key] = set()
        self._begun: set[Key] = set()
        self._write_all()

    def take(
        self,
        study: str,
        mode: str,
        workload: Workload,
        target: Target,
        round_index: int,
        x: Optional[float] = None,
        plan: Optional[Plan] = None,
    ) -> None:
        key = (study, mode, workload.name, target.name)
        if key in self._failed or not self.load.can_do(workload):
            return
        self._begin(key)
        plan = plan or self.plan
        try:
            figures = quietest(self.load, target, workload, mode, plan)
        except LoadFailure as error:
            say(f"FAILED {study} {mode} {workload.name} {target.name}: {error}")
            self._failed.add(key)
            self.failures.append(Failure(*key, failure=str(error)))
            self._write(self.failures[-1])
            return
        row = Row(
            **asdict(figures),
            study=study,
            pin=mode,
            workload=workload.name,
            target=target.name,
            round=round_index,
            load=self.load.name,
            duration_s=plan.duration_s,
            x=x,
        )
        self.rows.append(row)
        self._write(row)

    def alternate(
        self, study: str, mode: str, workload: Workload, targets: Sequence[Target]
    ) -> None:
        """All rounds of one workload. Who begins changes from round to round."""
        for round_index in range(self.plan.rounds):
            shift = round_index % len(targets)
            for target in list(targets[shift:]) + list(targets[:shift]):
                self.take(study, mode, workload, target, round_index)
        say(f"{study} {mode} {workload.name}: done")

    def _begin(self, key: Key) -> None:
        """Drops what an earlier run found for this."""
        if key in self._begun:
            return
        self._begun.add(key)
        self.rows = [row for row in self.rows if row.key != key]
        self.failures = [failure for failure in self.failures if failure.key != key]
        self._write_all()

    def _write_all(self) -> None:
        self.path.write_text("")
        for row in self.rows:
            self._write(row)
        for failure in self.failures:
            self._write(failure)

    def _write(self, record: Union[Row, Failure]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")


def _read(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def read_rows(path: Path) -> list[Row]:
    return [
        Row(**{"hottest_share": None, **record})
        for record in _read(path)
        if "failure" not in record
    ]


def read_failures(path: Path) -> list[Failure]:
    return [Failure(**record) for record in _read(path) if "failure" in record]


def median(rows: Iterable[Row], figure: str) -> Optional[float]:
    values = [value for row in rows if (value := getattr(row, figure)) is not None]
    return statistics.median(values) if values else None


def say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)
