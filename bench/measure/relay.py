"""Study `relay`: whether long values could pass through a proxy for less without a copy.

A thread of its own (bench/floor/relay.c) passes messages from one loopback connection to another:
by recv and send, by splice(2), by MSG_ZEROCOPY. Always pinned: source and relay on CPU 0, the sink
on CPU 1."""

import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from . import machine, pinning, programs, tables
from .rounds import say
from .study import Study

MODES = ("copy", "splice", "zerocopy")
BUFFERS = (64 << 10, 128 << 10, 256 << 10)
SIZES = ((1 << 16, "64 KiB"), (1 << 20, "1 MiB"))
# At most: a round of fewer is a first look.
ROUNDS = 3
# What one measurement moves: some tenths of a second.
MOVED_BYTES = 1 << 29


@dataclass(frozen=True)
class Passed:
    """What relay.c says, in CPU time and calls per message, and what others used meanwhile."""

    mode: str
    buffer_bytes: int
    message_bytes: int
    messages: int
    relay_us: float
    source_us: float
    sink_us: float
    wall_us: float
    calls: float
    zerocopy_sends: int
    zerocopy_copied: int
    round: int
    # Share of the machine's time.
    foreign: float

    @property
    def both_us(self) -> float:
        """Relay and source share a CPU, and the kernel charges the one for work of the other."""
        return self.relay_us + self.source_us


FIGURES = ("relay_us", "source_us", "sink_us", "both_us", "wall_us", "calls")
HEADER = ("way", "buffer", "relay", "source", "sink", "relay + source", "of copy", "wall", "calls")


def run(study: Study) -> None:
    pinning.require_cpus()
    rows: list[Passed] = []
    path = study.rows_path("relay")
    path.write_text("")
    with TemporaryDirectory(prefix="keyway-measure-") as folder:
        program = programs.compiled("relay", Path(folder))
        for round_index in range(min(study.plan.rounds, ROUNDS)):
            for message_bytes, label in SIZES:
                for buffer_bytes in BUFFERS:
                    shift = round_index % len(MODES)
                    for mode in MODES[shift:] + MODES[:shift]:
                        rows.append(_pass(program, mode, buffer_bytes, message_bytes, round_index))
                        with open(path, "a", encoding="utf-8") as file:
                            file.write(json.dumps(asdict(rows[-1])) + "\n")
                say(f"relay {label}, round {round_index}: done")
    publish(study)


def publish(study: Study) -> None:
    rows = _read(study)
    if rows:
        study.write("relay.md", _page(study, rows))


def copied(study: Study, message_bytes: int) -> Optional[Passed]:
    """Passing by recv and send, with the buffer that serves best; None: not measured."""
    rows = [
        row for row in _read(study) if row.mode == "copy" and row.message_bytes == message_bytes
    ]
    return min(rows, key=lambda row: row.both_us, default=None)


def _read(study: Study) -> list[Passed]:
    path = study.rows_path("relay")
    lines = path.read_text().splitlines() if path.exists() else []
    return [Passed(**json.loads(line)) for line in lines]


def _pass(
    program: str, mode: str, buffer_bytes: int, message_bytes: int, round_index: int
) -> Passed:
    numbers = (buffer_bytes, message_bytes, MOVED_BYTES // message_bytes)
    before, time_before = os.times(), machine.MachineTime()
    said = subprocess.run(
        [program, mode, *map(str, numbers)], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    after, time_after = os.times(), machine.MachineTime()
    own_s = sum(
        getattr(after, name) - getattr(before, name)
        for name in ("user", "system", "children_user", "children_system")
    )
    foreign_s = max(0.0, time_after.busy_s - time_before.busy_s - own_s)
    foreign = foreign_s / max(0.01, time_after.total_s - time_before.total_s)
    return Passed(**json.loads(said), round=round_index, foreign=foreign)


def _page(study: Study, rows: Sequence[Passed]) -> str:
    text = study.head("What passing long values without a copy would cost", "relay", {})
    text += "CPU us per message of each thread, medians over rounds. Relay and source share CPU 0; "
    text += "`of copy` compares their sum with that of `copy` with the same buffer. "
    text += "Wall time, us, and system calls of the relay are per message, too.\n\n"
    text += tables.noise(rows, study.plan.foreign_max)
    sends = sum(row.zerocopy_sends for row in rows)
    copied = sum(row.zerocopy_copied for row in rows)
    text += f"\nThe kernel copied {copied:,} of {sends:,} zerocopy sends after all.\n"
    for message_bytes, label in SIZES:
        text += f"\n## Messages of {label}\n\n"
        text += _table([row for row in rows if row.message_bytes == message_bytes])
    return text


def _table(rows: Sequence[Passed]) -> str:
    lines: list[list[str]] = []
    for buffer_bytes in BUFFERS:
        with_buffer = [row for row in rows if row.buffer_bytes == buffer_bytes]
        copy_us = _medians(with_buffer, "copy")["both_us"]
        for mode in MODES:
            values = _medians(with_buffer, mode)
            cells = [tables.number(values[figure]) for figure in FIGURES]
            cells.insert(FIGURES.index("both_us") + 1, tables.ratio(values["both_us"], copy_us))
            lines.append([mode, f"{buffer_bytes >> 10} KiB", *cells])
    return tables.table(HEADER, lines)


def _medians(rows: Sequence[Passed], mode: str) -> dict[str, float]:
    of_mode = [row for row in rows if row.mode == mode]
    return {
        figure: statistics.median(getattr(row, figure) for row in of_mode) for figure in FIGURES
    }
