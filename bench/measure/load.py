"""Load generators: keyway-bench, and valkey-benchmark for those who trust a tool that is not ours.

A generator runs one workload against one port and tells what it has seen. keyway-bench also reads
the CPU time of the target's processes over exactly the measured time; with valkey-benchmark the
caller reads it around the whole run.
"""

import csv
import io
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional, Protocol

from . import programs
from .workloads import Workload

TIMEOUT_S = 120
WARMUP_MS = 300


class LoadFailure(Exception):
    """The generator failed, or saw errors in replies."""


@dataclass(frozen=True)
class LoadResult:
    requests: int
    rate_per_s: float
    p50_us: float
    p99_us: float
    # By process id, over the measured time; None: not read by this generator.
    cpu_ns: Optional[dict[int, int]] = None


class Load(Protocol):
    name: str

    def can_do(self, workload: Workload) -> bool: ...

    def prepare(self, workload: Workload, port: int, cpus: Optional[set[int]]) -> None:
        """Called before each run, outside of what the caller measures."""

    def run(
        self,
        workload: Workload,
        port: int,
        duration_s: float,
        pids: Sequence[int],
        cpus: Optional[set[int]],
    ) -> LoadResult: ...


def _client_words(program: str, workload: Workload, port: int) -> list[str]:
    """What both generators call the same."""
    return [program, "-h", "127.0.0.1", "-p", str(port), "-c", str(workload.clients)]


def _pinning(cpus: Optional[set[int]]) -> Optional[Callable[[], None]]:
    return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


def _run(command: list[str], cpus: Optional[set[int]], stdin: bytes = b"") -> str:
    try:
        outcome = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            preexec_fn=_pinning(cpus),
        )
    except subprocess.TimeoutExpired as error:
        raise LoadFailure(f"no end after {TIMEOUT_S} s: {' '.join(command)}") from error
    if outcome.returncode != 0:
        said = (outcome.stderr or outcome.stdout)[-400:].decode(errors="replace").strip()
        raise LoadFailure(f"status {outcome.returncode}: {' '.join(command)}: {said}")
    return outcome.stdout.decode(errors="replace")


class KeywayBench:
    name = "keyway-bench"

    def __init__(self, folder: Path) -> None:
        self._program = programs.need("KEYWAY_BENCH")
        self._result = folder / "keyway-bench.json"

    def can_do(self, workload: Workload) -> bool:
        del workload
        return True

    def prepare(self, workload: Workload, port: int, cpus: Optional[set[int]]) -> None:
        """Nothing: it warms up by itself and reads the clocks after that."""

    def command(
        self, workload: Workload, port: int, duration_s: float, pids: Sequence[int]
    ) -> list[str]:
        words = [
            *_client_words(self._program, workload, port),
            "--mix",
            f"{workload.command}=1",
            "-d",
            str(workload.value_bytes),
            "-r",
            str(workload.key_count),
            "--key-prefix",
            workload.key_prefix,
            "--keys-per-command",
            str(workload.keys_per_command),
            "--key-distribution",
            workload.distribution,
            "--warmup",
            f"{WARMUP_MS}ms",
            "--duration",
            f"{round(duration_s * 1e3)}ms",
            "--json",
            str(self._result),
        ]
        # An open loop sends what is due, whatever is in flight.
        if workload.rate_per_s is None:
            words += ["-P", str(workload.pipeline)]
        else:
            words += ["--rate", str(workload.rate_per_s)]
        if pids:
            words += ["--pid", ",".join(str(pid) for pid in pids)]
        return words

    def run(
        self,
        workload: Workload,
        port: int,
        duration_s: float,
        pids: Sequence[int],
        cpus: Optional[set[int]],
    ) -> LoadResult:
        self._result.unlink(missing_ok=True)
        _run(self.command(workload, port, duration_s, pids), cpus)
        return self.parse(json.loads(self._result.read_text()))

    @staticmethod
    def parse(document: dict[str, Any]) -> LoadResult:
        """Reads the one phase of a run against one target."""
        phase = document["phases"][0]
        if phase["error_count"] or not phase["request_count"]:
            raise LoadFailure(f"{phase['error_count']} errors: {phase['errors']}")
        at = {step["percentile"]: step["ns"] / 1e3 for step in phase["latency"]["percentiles"]}
        cpu = {process["pid"]: process["cpu_ns"] for process in phase.get("processes", [])}
        return LoadResult(phase["request_count"], phase["rate_per_s"], at[50], at[99], cpu or None)


class ValkeyBenchmark:
    """Runs for a number of requests, which a short run before each measurement finds out."""

    name = "valkey-benchmark"

    def __init__(self) -> None:
        self._program = programs.need("VALKEY_BENCHMARK")
        self._rates: dict[str, float] = {}

    def can_do(self, workload: Workload) -> bool:
        return workload.rate_per_s is None and workload.distribution == "uniform"

    def prepare(self, workload: Workload, port: int, cpus: Optional[set[int]]) -> None:
        """Warms up, and finds out how many requests a second there will be."""
        known = f"{workload.name} {port}"
        if known not in self._rates:
            self._rates[known] = self._count(workload, port, self._least(workload), cpus).rate_per_s
        warm_up = self._count(workload, port, self._requests(workload, port, WARMUP_MS / 1e3), cpus)
        self._rates[known] = warm_up.rate_per_s

    def run(
        self,
        workload: Workload,
        port: int,
        duration_s: float,
        pids: Sequence[int],
        cpus: Optional[set[int]],
    ) -> LoadResult:
        del pids
        return self._count(workload, port, self._requests(workload, port, duration_s), cpus)

    @staticmethod
    def _least(workload: Workload) -> int:
        return workload.clients * workload.pipeline * 4

    def _requests(self, workload: Workload, port: int, duration_s: float) -> int:
        return max(self._least(workload), int(self._rates[f"{workload.name} {port}"] * duration_s))

    def _count(
        self, workload: Workload, port: int, count: int, cpus: Optional[set[int]]
    ) -> LoadResult:
        key = f"{workload.key_prefix}__rand_int__"
        words = [
            *_client_words(self._program, workload, port),
            "-P",
            str(workload.pipeline),
            "-n",
            str(count),
            "-r",
            str(workload.key_count),
            "--csv",
            "--precision",
            "3",
        ]
        value = b""
        if workload.command == "set":
            value = b"v" * workload.value_bytes
            words += ["-x", "SET", key]
        else:
            words += [workload.command.upper()] + [key] * workload.keys_per_command
        return self.parse(_run(words, cpus, value), count)

    @staticmethod
    def parse(text: str, count: int) -> LoadResult:
        """Rows are: test, rps, avg, min, p50, p95, p99, max latency in ms."""
        for row in csv.reader(io.StringIO(text)):
            if len(row) >= 8 and row[0] != "test":
                rate, _, _, p50, _, p99, _ = (float(cell) for cell in row[-7:])
                return LoadResult(count, rate, p50 * 1e3, p99 * 1e3)
        raise LoadFailure(f"no result in: {text[-300:]}")


def generator(name: str, folder: Path) -> Load:
    return KeywayBench(folder) if name == KeywayBench.name else ValkeyBenchmark()
