"""What every study has at hand: where rows and pages go, how to measure, which ports.

A study measures and writes rows, one a line, and makes pages from the rows that are there. So a
long study can be measured in pieces, and its pages be made anew without measuring.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

from . import load, machine, tables
from .fleet import Fleet
from .processes import Processes
from .rounds import Plan, Recorder, Row, read_failures, read_rows


@dataclass(frozen=True)
class Study:
    # Where the rows are, and where the pages go.
    output: Path
    pages: Path
    load_name: str
    plan: Plan
    modes: Sequence[str]
    base_port: int
    peer_names: Sequence[str]
    workload_names: Sequence[str]
    # Parts of a study, by name; empty: all.
    parts: Sequence[str]
    # Whether rows of earlier runs stay, except of what is measured again.
    keep: bool
    # A folder of hand-written pages with places for tables, between marks; None: leave them alone.
    written_pages: Optional[Path]

    @contextmanager
    def fleet(self) -> Iterator[Fleet]:
        """Servers that live as long as the block, with all that was started beside them."""
        with (
            TemporaryDirectory(prefix="keyway-measure-") as folder,
            Processes(Path(folder)) as processes,
        ):
            yield Fleet(processes, self.base_port)

    def recorder(self, name: str, fleet: Fleet) -> Recorder:
        return Recorder(
            self.rows_path(name),
            load.generator(self.load_name, fleet.processes.folder),
            self.plan,
            self.keep,
        )

    def rows_path(self, name: str) -> Path:
        return self.output / f"{name}.jsonl"

    def rows(self, name: str) -> list[Row]:
        return read_rows(self.rows_path(name))

    def wants(self, part: str) -> bool:
        return not self.parts or part in self.parts

    def write(self, name: str, text: str) -> None:
        (self.pages / name).write_text(text)

    def write_into(self, page: str, mark: str, text: str) -> None:
        """Replaces what stands in a hand-written page between <!-- mark --> and <!-- /mark -->."""
        if self.written_pages is None:
            return
        path = self.written_pages / page
        begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->\n"
        before, found, rest = path.read_text().partition(begin)
        _, found_end, after = rest.partition(end)
        if not found or not found_end:
            raise SystemExit(f"{path} has no place {begin.strip()} ... {end.strip()}")
        path.write_text(f"{before}{begin}\n{text}\n{end}{after}")

    def head(self, title: str, name: str, versions: dict[str, str]) -> str:
        """The beginning of every page: what was measured, on what, with which command."""
        facts: list[str] = [f"{key}: {value}" for key, value in machine.description().items()]
        facts += [f"{program} {version}" for program, version in versions.items() if version]
        command = f"cd bench && python3 -m measure {name}"
        return f"# {title}\n\nMade by `{command}`. {'; '.join(facts)}.\n\n"

    def failed(self, name: str) -> str:
        """A line for each thing that could not be measured."""
        text = ""
        for failure in read_failures(self.rows_path(name)):
            place = f"{failure.pin}, {failure.workload}, {failure.target}"
            text += f"\n- **Failed**, {place}: {failure.failure}"
        return text + "\n" if text else ""

    def measured(self, rows: Sequence[Row]) -> str:
        """A sentence about how the rows of a page came to be."""
        rounds = {row.key: 0 for row in rows}
        for row in rows:
            rounds[row.key] += 1
        durations = sorted({row.duration_s for row in rows})
        least, most = min(rounds.values()), max(rounds.values())
        text = f"Load: {', '.join(sorted({row.load for row in rows}))}; medians of "
        text += f"{least} rounds" if least == most else f"{least} to {most} rounds"
        text += f" of {durations[0]:g}" if durations else ""
        text += f" to {durations[-1]:g} s. " if len(durations) > 1 else " s. "
        return text + tables.noise(rows, self.plan.foreign_max)
